//! Bounds on what a filter may be: filters come from rule packs and other programs too. A filter
//! beyond one of them is an error that names it, never a slow or dying program.

/// Bytes of a filter's text.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Operators, selections and brackets inside one another, and chained ones (`a + b + c`) alike;
/// `&&` and `||` do not count. The CEL specification asks for 24 at least.
pub const DEPTH_MAX: usize = 128;

/// Elements of one list or map literal.
pub const LIST_MAX: usize = 10_000;

/// Nodes of the checked filter, derived fields expanded.
pub const NODES_MAX: usize = 100_000;

/// Bytes of one regular expression's compiled program.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// Steps of the macros (`exists`, `map`...) in one row; beyond, the row is an error.
pub const STEPS_MAX: u32 = 1_000_000;
