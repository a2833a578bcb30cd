//! Calls -> their parents: which call each was made for. Told by trace ids and request ids where
//! calls carry them, else by time: a call made for another begins and ends within it, at the place
//! that serves it. Where several could be the parent, the one whose usual pauses and numbers of
//! calls fit best is taken. Every link says how it was told; nothing here knows of tables.

mod nest;
mod pauses;

#[cfg(test)]
mod tests;

/// A call, as linking sees it. Times are by one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Begin and end where it was called.
    pub called_ns: [i64; 2],
    /// Begin and end where it was served; the same where only one side was seen.
    pub served_ns: [i64; 2],
    /// Number of the place that called, and of the one that served: pods, mostly.
    pub caller: u32,
    pub callee: u32,
    /// Number of what was called, the callee included.
    pub operation: u32,
    /// Numbers of its trace and request ids, 0 without.
    pub trace: u32,
    pub request: u32,
}

/// How a parent was told, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Same trace id.
    Trace,
    /// Same request or correlation id.
    Request,
    /// No other call was open there.
    Only,
    /// The likeliest of several.
    Likeliest,
}

impl Tier {
    pub const ALL: [Tier; 4] = [Tier::Trace, Tier::Request, Tier::Only, Tier::Likeliest];

    pub fn name(self) -> &'static str {
        match self {
            Tier::Trace => "trace_id",
            Tier::Request => "request_id",
            Tier::Only => "only_open",
            Tier::Likeliest => "likeliest",
        }
    }
}

/// The parent of a call: its index, and how it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub index: u32,
    pub tier: Tier,
}

/// The parent of each call, `None` where nothing was open at its caller. The same calls in the
/// same order give the same parents.
pub fn link(spans: &[Span]) -> Vec<Option<Parent>> {
    let mut parents = vec![None; spans.len()];
    for place in nest::places(spans) {
        place.link(spans, &mut parents);
    }
    parents
}
