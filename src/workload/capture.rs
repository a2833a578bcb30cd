//! What a node's collector says of its own capturing: packets received and dropped, interval by
//! interval, from the `Capture` lines of its sidecar.

use serde_json::Value;

use crate::field::Text;

/// One interval of one vantage, or of the whole node where the line names no vantage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureCounters {
    pub node: Text,
    /// Empty: all vantages of the node.
    pub vantage: Text,
    /// End of the interval, nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    pub received: u64,
    pub dropped: u64,
}

impl CaptureCounters {
    /// Reads a `Capture` line:
    /// `{"ts", "op": "counters", "kind": "Capture", "vantage": "if-eth0", "received": 9, "dropped": 0}`.
    /// `None`: a line of another kind, or without counters.
    pub(super) fn read(line: &Value, node: &str, ts_ns: i64) -> Option<CaptureCounters> {
        if line.get("kind").and_then(Value::as_str) != Some("Capture") {
            return None;
        }
        let count = |key: &str| line.get(key).and_then(Value::as_u64);
        let vantage = line.get("vantage").and_then(Value::as_str).unwrap_or_default();
        Some(CaptureCounters {
            node: node.into(),
            vantage: vantage.into(),
            ts_ns,
            received: count("received")?,
            dropped: count("dropped")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: Value) -> Option<CaptureCounters> {
        CaptureCounters::read(&line, "node-a", 7)
    }

    #[test]
    fn whole_lines_only() {
        let line =
            serde_json::json!({"kind": "Capture", "vantage": "tls", "received": 9, "dropped": 2});
        let counters = read(line).expect("counters");
        assert_eq!((&*counters.vantage, counters.received, counters.dropped), ("tls", 9, 2));
        assert_eq!(read(serde_json::json!({"kind": "Capture", "received": 9})), None);
        assert_eq!(
            read(serde_json::json!({"kind": "Capture", "received": -9, "dropped": 0})),
            None
        );
        assert_eq!(read(serde_json::json!({"kind": "Usage", "received": 9, "dropped": 0})), None);
    }
}
