//! What several vantages saw -> one story: here the nodes' clocks are compared. Which observation
//! of a call is kept is decided where the tables are, in `frame/join.rs`.

mod clock;

pub use clock::{Clock, Clocks};
