//! Bytes -> messages of SOCKS 5. Pure functions.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::Outcome;
use crate::dissect::text::text;
use crate::field::{Text, ToCompactString, format_compact};

/// Codes of our own: the proxy takes no method that was offered; it does not believe the client.
pub const NO_METHOD: u8 = 0xff;
pub const NOT_PROVEN: u8 = 0xfe;

const NAME_BYTES_MAX: usize = 255;

/// What the first bytes are.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// A message and its length.
    Whole(T, usize),
    /// So many bytes in all tell more.
    More(usize),
    Bad,
}

impl<T> Read<T> {
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Read::Whole(value, length) => Read::Whole(f(value), length),
            Read::More(more) => Read::More(more),
            Read::Bad => Read::Bad,
        }
    }
}

/// The methods that a client offers.
pub fn greeting(bytes: &[u8]) -> Read<&[u8]> {
    match bytes {
        [5, 0, ..] => Read::Bad,
        [5, count, rest @ ..] => match rest.get(..usize::from(*count)) {
            Some(methods) => Read::Whole(methods, 2 + methods.len()),
            None => Read::More(2 + usize::from(*count)),
        },
        [5] => Read::More(2),
        _ => Read::Bad,
    }
}

/// User and password (RFC 1929) -> the user.
pub fn credentials(bytes: &[u8]) -> Read<Text> {
    let length = |at: usize| bytes.get(at).map(|length| usize::from(*length));
    let Some(user) = length(1) else { return Read::More(2) };
    let Some(password) = length(2 + user) else { return Read::More(3 + user) };
    let total = 3 + user + password;
    match bytes.get(2..2 + user) {
        Some(name) if bytes.len() >= total => Read::Whole(text(name, NAME_BYTES_MAX), total),
        _ => Read::More(total),
    }
}

/// Where to, or from where.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    pub host: Text,
    pub port: u16,
}

/// A request or a reply, which have one form: its code and address.
pub fn request(bytes: &[u8]) -> Read<(u8, Address)> {
    let (code, kind) = match bytes {
        [5, code, 0, kind, ..] => (*code, *kind),
        [5] | [5, _] | [5, _, 0] => return Read::More(4),
        _ => return Read::Bad,
    };
    let (start, length) = match (kind, bytes.get(4)) {
        (1, _) => (4, 4),
        (4, _) => (4, 16),
        (3, Some(length)) => (5, usize::from(*length)),
        (3, None) => return Read::More(5),
        _ => return Read::Bad,
    };
    let total = start + length + 2;
    let (Some(host), Some(&[high, low])) =
        (bytes.get(start..start + length), bytes.get(start + length..total))
    else {
        return Read::More(total);
    };
    let address = Address { host: shown(kind, host), port: u16::from_be_bytes([high, low]) };
    Read::Whole((code, address), total)
}

fn shown(kind: u8, host: &[u8]) -> Text {
    if kind == 3 {
        return text(host, NAME_BYTES_MAX);
    }
    match (<[u8; 4]>::try_from(host), <[u8; 16]>::try_from(host)) {
        (Ok(four), _) => Ipv4Addr::from(four).to_compact_string(),
        (_, Ok(six)) => Ipv6Addr::from(six).to_compact_string(),
        _ => Text::default(),
    }
}

/// The name of a way to prove oneself.
pub fn method(method: u8) -> Text {
    match method {
        0 => Text::const_new("none"),
        1 => Text::const_new("gssapi"),
        2 => Text::const_new("password"),
        0xff => Text::const_new("refused"),
        other => other.to_compact_string(),
    }
}

pub fn command(command: u8) -> Text {
    match command {
        1 => Text::const_new("CONNECT"),
        2 => Text::const_new("BIND"),
        3 => Text::const_new("UDP_ASSOCIATE"),
        other => format_compact!("COMMAND_{other}"),
    }
}

/// How a reply's code judges the call, and its name where it is an error.
pub fn outcome(code: u8) -> (Outcome, Text) {
    let (outcome, name) = match code {
        0 => return (Outcome::Ok, Text::default()),
        1 => (Outcome::ServerError, "general_failure"),
        2 => (Outcome::ClientError, "not_allowed"),
        3 => (Outcome::ServerError, "network_unreachable"),
        4 => (Outcome::ServerError, "host_unreachable"),
        5 => (Outcome::Refused, "connection_refused"),
        6 => (Outcome::Timeout, "ttl_expired"),
        7 => (Outcome::ClientError, "command_not_supported"),
        8 => (Outcome::ClientError, "address_not_supported"),
        NO_METHOD => (Outcome::ClientError, "no_acceptable_method"),
        NOT_PROVEN => (Outcome::ClientError, "not_authenticated"),
        other => return (Outcome::ServerError, other.to_compact_string()),
    };
    (outcome, Text::const_new(name))
}
