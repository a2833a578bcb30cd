//! Frames -> incidents: what failed, from when to when, where it started. Works on facts about
//! calls and connections alone; words and layout are `report/`, rules are `rule/`.

mod blame;
mod detect;
mod facts;
mod own;
mod scan;
mod slow;
mod tally;
mod terms;

pub use blame::{Suspect, SuspectKind, suspects};
pub use detect::{Episode, Incident, Onset, detect, told};
pub use facts::{CallFact, Entity, EntityId, Facts};
pub use scan::Bin;
pub use slow::Slowness;
pub use tally::{
    Counts, EdgeTally, Endpoint, Latency, Phase, ServiceTally, edges, endpoints, services,
};
pub use terms::{Term, Weighed};
