//! Captures and a scope -> one capture file with the packets inside the scope, in order of time,
//! with the node and interface that each was seen at. Frames are copied as they are: what they
//! say is not masked. Which connections a filter over calls means is decided before.

mod merge;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capture::write::{PcapngWriter, Record as Written, SNAPLEN};
use crate::capture::{Batch, CaptureError, Inputs, Record};
use crate::limits::Limits;
use crate::packet::filter::Filter;
use crate::packet::{Key, decode};
use crate::replay::Window;

use merge::Merge;

/// A connection reaches so far beyond its first and last packet: others with the same ports are
/// others.
const SLACK_NS: i64 = 1_000_000_000;

/// The connections of a scope, as each vantage saw them: times by the vantages' own clocks.
#[derive(Debug, Clone, Default)]
pub struct Conns(BTreeMap<Key, Vec<(i64, i64)>>);

impl Conns {
    /// Adds a connection, from its first packet to its last.
    pub fn add(&mut self, key: Key, first_ns: i64, last_ns: i64) {
        let span = (first_ns.saturating_sub(SLACK_NS), last_ns.saturating_add(SLACK_NS));
        self.0.entry(key).or_default().push(span);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn hold(&self, key: &Key, ts_ns: i64) -> bool {
        let spans = self.0.get(key).map_or(&[][..], Vec::as_slice);
        spans.iter().any(|&(from, to)| (from..=to).contains(&ts_ns))
    }
}

/// What is wanted of the captures: all that is given must hold.
#[derive(Debug, Default)]
pub struct Scope {
    pub filter: Option<Filter>,
    pub window: Window,
    pub conns: Option<Conns>,
}

impl Scope {
    fn holds(&self, batch: &Batch, record: &Record, limits: &Limits) -> bool {
        let by_filter =
            |filter: &Filter| filter.matches(record.link, batch.frame(record), record.wire_len);
        let by_conn = |conns: &Conns| {
            let decoded = decode(batch, record, record.segment, limits);
            decoded.packet().is_some_and(|packet| conns.hold(&packet.key, record.ts_ns))
        };
        self.window.holds(record.ts_ns)
            && self.filter.as_ref().is_none_or(by_filter)
            && self.conns.as_ref().is_none_or(by_conn)
    }
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    pub packets: u64,
    pub bytes: u64,
    /// Packets looked at.
    pub of: u64,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("cannot be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("interrupted")]
    Interrupted,
}

/// Writes the packets of the scope to `out` as pcapng, an interface for each vantage and link type.
///
/// # Errors
/// Captures that cannot be opened, a sink that cannot take it, an interruption.
pub fn export(
    inputs: &Inputs,
    scope: &Scope,
    limits: &Limits,
    stop: &AtomicBool,
    out: impl Write,
) -> Result<Copied, ExportError> {
    let mut writer = PcapngWriter::new(out, concat!("pcapsule ", env!("CARGO_PKG_VERSION")))?;
    let mut interfaces: BTreeMap<(usize, u16), u32> = BTreeMap::new();
    let mut copied = Copied::default();
    let mut merge = Merge::new(inputs, limits)?;
    while let Some((vantage, batch, record)) = merge.next(limits)? {
        if copied.of % 4096 == 0 && stop.load(Ordering::Relaxed) {
            return Err(ExportError::Interrupted);
        }
        copied.of += 1;
        if !scope.holds(batch, record, limits) {
            continue;
        }
        let interface = match interfaces.get(&(vantage, record.link)) {
            Some(&interface) => interface,
            None => {
                let name = inputs
                    .vantages
                    .get(vantage)
                    .map_or(String::new(), |vantage| format!("{}/{}", vantage.node, vantage.name));
                let interface = writer.interface(&name, record.link, SNAPLEN)?;
                interfaces.insert((vantage, record.link), interface);
                interface
            }
        };
        let data = batch.frame(record);
        writer
            .write(interface, &Written { ts_ns: record.ts_ns, wire_len: record.wire_len, data })?;
        copied.packets += 1;
        copied.bytes += data.len() as u64;
    }
    writer.finish()?;
    Ok(copied)
}
