//! How calls and connections end, in words that mean the same for every protocol.

/// How a call ended, the same for every protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    Ok,
    ClientError,
    ServerError,
    Timeout,
    Refused,
    Reset,
    Throttled,
    #[default]
    Unknown,
}

impl Outcome {
    pub const ALL: &'static [Outcome] = &[
        Outcome::Ok,
        Outcome::ClientError,
        Outcome::ServerError,
        Outcome::Timeout,
        Outcome::Refused,
        Outcome::Reset,
        Outcome::Throttled,
        Outcome::Unknown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::ClientError => "client_error",
            Outcome::ServerError => "server_error",
            Outcome::Timeout => "timeout",
            Outcome::Refused => "refused",
            Outcome::Reset => "reset",
            Outcome::Throttled => "throttled",
            Outcome::Unknown => "unknown",
        }
    }

    /// Whether the callee (or the way to it) failed, as error rates count it.
    pub fn is_failure(self) -> bool {
        use Outcome::*;
        matches!(self, ServerError | Timeout | Refused | Reset | Throttled)
    }
}
