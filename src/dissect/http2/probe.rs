//! The first bytes of a stream -> is it HTTP/2? Told by the preface; in mid-stream by frames that
//! follow each other, with a header block among them or of types that carry nothing else.

use super::super::{Direction, Opening, Probe};
use super::hpack::{Decoder, Field};
use super::parse::{
    FrameType, HEADER_BYTES, PREFACE, Verdict, begins_frames, fragment, frame_header,
};

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let length = bytes.len().min(PREFACE.len());
    if bytes.get(..length) == PREFACE.get(..length) {
        return match length == PREFACE.len() {
            true => Probe::Yes(Some(Direction::ToServer)),
            false => Probe::Maybe(PREFACE.len()),
        };
    }
    if opening.sender == Some(Direction::ToServer) {
        return Probe::No; // a client begins with the preface
    }
    match begins_frames(bytes) {
        Verdict::Yes => judge(bytes),
        Verdict::Maybe if frame_header(bytes).is_none() && bytes.first() == Some(&0) => {
            Probe::Maybe(HEADER_BYTES)
        }
        // The payload of a block or of data may be longer than what is here.
        Verdict::Maybe if is_block(bytes) => judge(bytes),
        _ => Probe::No,
    }
}

fn is_block(bytes: &[u8]) -> bool {
    frame_header(bytes).is_some_and(|header| header.kind != FrameType::Other)
}

/// What the frames at the start of `bytes` say.
fn judge(bytes: &[u8]) -> Probe {
    let mut rest = bytes;
    let mut control = 0;
    while let Some(header) = frame_header(rest).filter(|header| header.is_sound()) {
        let Some(payload) = rest.get(HEADER_BYTES..header.total()) else { break };
        match header.kind {
            FrameType::Headers => {
                return fragment(&header, payload)
                    .map_or(Probe::No, |fragment| judge_block(fragment.block));
            }
            FrameType::Ping | FrameType::Settings | FrameType::WindowUpdate => control += 1,
            _ => {}
        }
        rest = rest.get(header.total()..).unwrap_or_default();
    }
    if control > 0 { Probe::Yes(None) } else { Probe::No }
}

/// A header block reads as one to its end, with a name that is known; which half it belongs to
/// tells its direction.
fn judge_block(block: &[u8]) -> Probe {
    let (mut way, mut is_known) = (None, false);
    let mut look = |field: Field<'_>| {
        let Some(name) = field.name else { return };
        is_known |= !name.is_empty() && !name.iter().any(u8::is_ascii_uppercase);
        match name {
            b":method" | b":path" | b":scheme" | b":authority" => way = Some(Direction::ToServer),
            b":status" | b"grpc-status" => way = Some(Direction::ToClient),
            _ => {}
        }
    };
    match Decoder::new(4096).decode(block, &mut look) {
        Ok(()) if is_known => Probe::Yes(way),
        _ => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Probe {
        probe(Opening { sender: None, port_hint: false }, bytes)
    }

    #[test]
    fn told_by_content() {
        let request = Probe::Yes(Some(Direction::ToServer));
        let response = Probe::Yes(Some(Direction::ToClient));
        for (bytes, expected) in [
            (PREFACE, request),
            (&PREFACE[..10], Probe::Maybe(24)),
            (b"", Probe::Maybe(24)),
            (b"\0\0\x02\x01\x05\0\0\0\x03\x82\x86", request),
            (b"\0\0\x01\x01\x04\0\0\0\x03\x88", response),
            (b"\0\0\x01\x01\x04\0\0\0\x03\xbe", Probe::No), // nothing known
            (b"\0\0\x08\x06\0\0\0\0\0pingpong", Probe::Yes(None)),
            (b"\0\0\x05\0\0\0\0\0\x01hello", Probe::No), // data may be anything's
            (b"\0\0\x01", Probe::Maybe(9)),
            (b"GET / HTTP/1.1\r\n\r\n", Probe::No),
            (b"\x16\x03\x01\x02\0\x01", Probe::No),
        ] {
            assert_eq!(verdict(bytes), expected, "{bytes:?}");
        }
        let client = Opening { sender: Some(Direction::ToServer), port_hint: false };
        assert_eq!(probe(client, b"\0\0\x08\x06\0\0\0\0\0pingpong"), Probe::No);
    }
}
