//! What every version of HTTP shares: the fields, what a header means, request targets, the text
//! of a body, what a status says. How messages are framed is each version's own.

mod fields;
mod headers;
mod json;
mod snippet;
mod target;

pub use fields::{HttpRequest, HttpResponse};
pub use headers::{Caps, Headers, Name, trailer};
pub use json::JsonPaths;
pub use snippet::Snippet;
pub use target::Target;

use super::Outcome;

/// What a status says about how the call ended; 0 is a request's.
pub fn outcome(status: u16) -> Outcome {
    match status {
        0 => Outcome::Unknown,
        1..400 => Outcome::Ok,
        408 | 504 => Outcome::Timeout,
        429 => Outcome::Throttled,
        400..500 => Outcome::ClientError,
        _ => Outcome::ServerError,
    }
}
