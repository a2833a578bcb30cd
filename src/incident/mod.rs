//! Frames -> incidents: what failed, from when to when, where it started. Works on facts about
//! calls and connections alone; words and layout are `report/`, rules are `rule/`.

mod blame;
mod detect;
mod facts;
mod scan;
mod tally;

pub use blame::{Suspect, SuspectKind, suspects};
pub use detect::{Episode, Incident, Onset, detect};
pub use facts::{CallFact, Entity, EntityId, Facts};
pub use scan::Bin;
pub use tally::{
    Counts, EdgeTally, Endpoint, Latency, Phase, ServiceTally, edges, endpoints, services,
};
