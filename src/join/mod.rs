//! What several vantages saw -> one story: which sightings are of one connection, which vantage
//! was nearer to the caller, how far the nodes' clocks are apart, which observations are of one
//! call, and where packets were lost between two of them. Numbers in, decisions out: the tables
//! that they come from and go to are `frame/join/`'s.
//!
//! Proxies, SYN proxies and load balancing at the socket make two connections of one: those stay
//! apart, as seen.

mod call;
mod clock;
mod groups;
mod link;
mod order;
mod sighting;

#[cfg(test)]
mod tests;

pub use call::{Decision, SeenCall, decide, join_calls};
pub use clock::{Clock, Clocks};
pub use groups::{Candidates, Groups, Pass};
pub use link::{Link, Links};
pub use order::{Member, agree, in_order};
pub use sighting::{Range, Sighting, Socket};
