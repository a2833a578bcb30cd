//! The rows that a replay hands out, and who takes them.

use crate::anomaly::AnomalyKind;
use crate::call::fields::{CallCommon, CallKeys};
use crate::capture::Mark;
use crate::conn::fields::{ConnCommon, ConnKeys, ConnTrail};
use crate::dissect::Protocol;
use crate::field::Row;

/// One observation of a call: the columns all calls have, and the protocol's own.
pub struct CallRow<'a> {
    pub keys: &'a CallKeys,
    pub common: &'a CallCommon,
    pub protocol: &'static Protocol,
    pub request: Option<&'a dyn Row>,
    pub response: Option<&'a dyn Row>,
}

/// One observation of a connection.
pub struct ConnRow<'a> {
    pub keys: &'a ConnKeys,
    pub trail: &'a ConnTrail,
    pub common: &'a ConnCommon,
}

/// Takes the rows of one shard, in an order that depends on nothing but the capture.
pub trait Sink: Send {
    /// # Errors
    /// What went wrong with writing, naming the file.
    fn call(&mut self, row: CallRow<'_>) -> Result<(), String>;
    /// # Errors
    /// As for [`Sink::call`].
    fn conn(&mut self, row: ConnRow<'_>) -> Result<(), String>;
    /// # Errors
    /// As for [`Sink::call`].
    fn anomaly(
        &mut self,
        kind: AnomalyKind,
        vantage: usize,
        conn: i64,
        mark: Mark,
    ) -> Result<(), String>;
}
