//! Whether bytes are Kafka's. A request has a known API, a plausible version and a client id of
//! text; a response is only a length and a number, believed where Kafka is expected.

use super::super::framer::Begins;
use super::super::{Direction, Opening, Probe};
use super::apis;
use super::parse;
use super::schema::{self, Name, Value};

/// Bytes of a request's header up to the client id.
const REQUEST_BYTES_MIN: usize = 14;
/// A Produce that is not whole is not judged before so much is there.
const PRODUCE_BYTES_MIN: usize = 200;
/// A request longer than this is believed only on the port of the protocol.
const PLAUSIBLE_BYTES_MAX: i32 = 16 << 20;

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match request(bytes, opening.port_hint) {
        Begins::Yes => Probe::Yes(Some(opening.sender.unwrap_or(Direction::ToServer))),
        Begins::More => Probe::Maybe(REQUEST_BYTES_MIN.max(bytes.len() + 1)),
        Begins::No if opening.port_hint && response(bytes) => {
            Probe::Yes(Some(opening.sender.unwrap_or(Direction::ToClient)))
        }
        Begins::No => Probe::No,
    }
}

/// Whether a request begins here; `hinted` where Kafka is expected.
pub fn request(bytes: &[u8], hinted: bool) -> Begins {
    let int = |at: usize| Some(i16::from_be_bytes(*bytes.get(at..)?.first_chunk::<2>()?));
    let length = bytes.first_chunk::<4>().map(|length| i32::from_be_bytes(*length));
    let is_plausible = |length: i32| (10..=PLAUSIBLE_BYTES_MAX).contains(&length);
    let (Some(api), Some(version)) = (int(4), int(6)) else {
        let starts_small = bytes.first().is_none_or(|byte| *byte == 0);
        return if starts_small && length.is_none_or(is_plausible) {
            Begins::More
        } else {
            Begins::No
        };
    };
    let known = apis::by_key(api).is_some() && (0..=apis::VERSION_MAX).contains(&version);
    if !known || !length.is_some_and(|length| is_plausible(length) || (hinted && length > 0)) {
        return Begins::No;
    }
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0) + 4;
    let Some(client) = int(12) else {
        return if length < REQUEST_BYTES_MIN { Begins::No } else { Begins::More };
    };
    let named = match usize::try_from(client) {
        // Without a client id the length has to be right.
        Err(_) | Ok(0) if client >= -1 && (hinted || length == bytes.len()) => Begins::Yes,
        Ok(client @ 1..=255) if REQUEST_BYTES_MIN + client <= length => is_text(bytes, client),
        _ => Begins::No,
    };
    // The response to a Produce has numbers and a topic where a request has API and client.
    match bytes.get(..length) {
        Some(message) if named == Begins::Yes && api == 0 && !is_produce(message) => Begins::No,
        None if named == Begins::Yes && api == 0 && bytes.len() < PRODUCE_BYTES_MIN => Begins::More,
        _ => named,
    }
}

/// Whether a client id of so many bytes is text.
fn is_text(bytes: &[u8], client: usize) -> Begins {
    let text = bytes.get(REQUEST_BYTES_MIN..).unwrap_or_default();
    let text = text.get(..client).unwrap_or(text);
    match text.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        true if text.len() == client => Begins::Yes,
        true => Begins::More,
        false => Begins::No,
    }
}

/// Whether a whole message is what a Produce request has to be, to its last byte.
fn is_produce(message: &[u8]) -> bool {
    let Some(header) = parse::request(message) else { return false };
    let is_flexible = apis::is_flexible(header.api, header.version);
    let mut cursor = parse::Cursor::new(header.content, is_flexible);
    let mut acks = 0;
    let mut note = |name, value| {
        if let (Name::Acks, Value::Int(number)) = (name, value) {
            acks = number;
        }
    };
    let walked = schema::walk((header.api, header.version), true, &mut cursor, &mut note);
    let is_whole = walked.and_then(|()| cursor.tags()).is_some() && cursor.is_empty();
    is_whole && (-1..=1).contains(&acks)
}

/// Whether bytes look like a response: lengths and numbers one after the other, to the end.
fn response(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let (Some(length), Some(_)) = (rest.first_chunk::<4>(), parse::correlation(rest)) else {
            return false;
        };
        let length = i32::from_be_bytes(*length);
        if !(4..=PLAUSIBLE_BYTES_MAX).contains(&length) {
            return false;
        }
        match rest.get(length as usize + 4..) {
            Some([]) => return true,
            Some(after) => rest = after,
            None => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let request = Probe::Yes(Some(Direction::ToServer));
        for (bytes, hinted, expected) in [
            (&b"\0\0\0\x14\0\x03\0\x09\0\0\0\x07\0\x03app\0\x02\x02t\0\0"[..], false, request),
            (b"\0\0\0\x14\0\x03\0\x09\0\0\0\x07\0\x03a", false, Probe::Maybe(16)),
            (b"\0\0\0\x14\0\x03\0\x09\0\0\0\x07\0\x03\x01pp", false, Probe::No),
            (b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff", false, request),
            (b"\0\0\0\x14\x03\x03\0\x09\0\0\0\x07", false, Probe::No),
            (b"\0\0\0\x06\0\0\0\x07\0\0", false, Probe::No),
            (b"\0\0\0\x06\0\0\0\x07\0\0", true, Probe::Yes(Some(Direction::ToClient))),
            (b"\0\0\0", false, Probe::Maybe(14)),
            (b"GET / HTTP/1.1", true, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
