//! Whether bytes are PostgreSQL's. Its messages have types and lengths, and most have a form that
//! can be checked, so a connection that began before the capture is told by a packet of them.

use super::super::framer::{Begins, Head};
use super::super::{Direction, Opening, Probe};
use super::parse::{self, Role, first, head, is_formed};

/// A message longer than this is believed only on the port of the protocol.
const PLAUSIBLE_BYTES_MAX: u64 = 1 << 20;

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    if bytes.first() == Some(&0) {
        return opened(bytes);
    }
    let verdicts = [Role::Frontend, Role::Backend].map(|role| (role, walk(role, bytes)));
    let mut undecided = false;
    for (role, verdict) in verdicts {
        match verdict {
            Walk::Yes => return Probe::Yes(Some(way(role, opening))),
            Walk::Cut(kind, total) if opening.port_hint && is_long(role, kind, total) => {
                return Probe::Yes(Some(way(role, opening)));
            }
            Walk::Cut(kind, total) => {
                undecided |= opening.port_hint || (is_long(role, kind, total) && is_text(bytes))
            }
            Walk::More => undecided |= opening.port_hint || bytes.len() < 5,
            Walk::No => {}
        }
    }
    if undecided { Probe::Maybe(bytes.len() + 1) } else { Probe::No }
}

/// Where a packet of the sender goes.
fn way(role: Role, opening: Opening) -> Direction {
    match (opening.sender, role) {
        (Some(sender), _) => sender,
        (None, Role::Frontend) => Direction::ToServer,
        (None, Role::Backend) => Direction::ToClient,
    }
}

/// The first packet of a connection.
fn opened(bytes: &[u8]) -> Probe {
    let is_parameter =
        |byte: Option<&u8>| byte.is_none_or(|b| b.is_ascii_lowercase() || *b == b'_');
    match first(bytes) {
        Some(parse::First::Startup) if !is_parameter(bytes.get(8)) => Probe::No,
        Some(_) => Probe::Yes(Some(Direction::ToServer)),
        None if bytes.len() < 8 && bytes.get(1).is_none_or(|byte| *byte == 0) => Probe::Maybe(8),
        None => Probe::No,
    }
}

/// Whether a packet begins with a message of this role.
pub fn begins(role: Role, bytes: &[u8]) -> Begins {
    if role == Role::Frontend && first(bytes).is_some() {
        return Begins::Yes;
    }
    match walk(role, bytes) {
        Walk::Yes => Begins::Yes,
        Walk::Cut(kind, total) if is_long(role, kind, total) => Begins::Yes,
        Walk::Cut(..) | Walk::More => Begins::More,
        Walk::No => Begins::No,
    }
}

/// What the messages of a packet look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    No,
    /// The header of the first is not whole.
    More,
    /// The first has a plausible header, and there is more to come: type and length.
    Cut(u8, u64),
    Yes,
}

/// Looks at all messages of a packet: one that is not formed as its type demands spoils it.
fn walk(role: Role, bytes: &[u8]) -> Walk {
    let (mut rest, mut messages) = (bytes, 0);
    while let Some(&kind) = rest.first() {
        let total = match head(role, rest) {
            Head::Frame(total) => total,
            Head::More if messages == 0 => return Walk::More,
            Head::More => return Walk::Yes,
            Head::Bad => return Walk::No,
        };
        let message = usize::try_from(total).ok().and_then(|total| rest.split_at_checked(total));
        let Some((message, after)) = message else {
            let is_plausible = total < PLAUSIBLE_BYTES_MAX;
            return match messages {
                0 if is_plausible => Walk::Cut(kind, total),
                0 => Walk::No,
                _ => Walk::Yes,
            };
        };
        if !is_formed(role, kind, message.get(5..).unwrap_or_default()) || kind == 0 {
            return if kind == 0 && messages > 0 { Walk::Yes } else { Walk::No };
        }
        messages += usize::from(is_telling(role, kind));
        rest = after;
    }
    if messages > 0 { Walk::Yes } else { Walk::No }
}

/// Types whose form says enough.
fn is_telling(role: Role, kind: u8) -> bool {
    match role {
        Role::Frontend => b"QPBCDEHSX".contains(&kind),
        Role::Backend => b"123CDEINRSTZnst".contains(&kind),
    }
}

/// Types that may be so long that no packet holds one.
fn is_long(role: Role, kind: u8, total: u64) -> bool {
    match role {
        Role::Frontend => b"QPB".contains(&kind),
        Role::Backend => b"DT".contains(&kind) && total > 64,
    }
}

/// Whether what follows the header is text, as SQL is.
fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.get(5..).unwrap_or_default();
    text.len() > 8 && text.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (frontend, backend) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, hinted, expected) in [
            (&b"\0\0\0\x08\x04\xd2\x16\x2f"[..], false, frontend),
            (b"\0\0\0\x15\0\x03\0\0user\0bob\0\0", false, frontend),
            (b"\0\0\0\x15\0\x03\0", false, Probe::Maybe(8)),
            (b"\0\x1a\x12\x34\x01\x00\0\x01", false, Probe::No),
            (b"Q\0\0\0\x0dselect 1\0", false, frontend),
            (b"Q\0\0\0\x0dselect 1", true, frontend),
            (b"Q\0\0\0\x0dselect 1x", false, Probe::No),
            (b"S\0\0\0\x04", false, frontend),
            (b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04", false, backend),
            (b"C\0\0\0\x0bSELECT\0Z\0\0\0\x05I", false, backend),
            (b"Z\0\0\0\x05I", false, backend),
            (b"Z\0\0\0\x05Q", false, Probe::No),
            (b"D\0\0\0\x0a\0\x01\xff\xff\xff\xff", false, backend),
            (b"GET / HTTP/1.1\r\n", false, Probe::No),
            (b"SSH-2.0-x\r\n", true, Probe::No),
            (b"\x16\x03\x01\x02\x00", true, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
