//! Header blocks -> what a request's or response's head says.

use super::super::http::{Caps, Headers, Name};
use super::super::text::{lossy, text};
use super::hpack::{Decoder, Field, Flaw};
use crate::field::Text;

/// What a field whose name is not known is stored under.
const NAMELESS: &str = "?";

/// A decoded header block.
#[derive(Debug, Default)]
pub struct Head {
    pub headers: Headers,
    pub method: Text,
    pub path: Text,
    pub authority: Text,
    /// Of a response; 0 where there is none.
    pub status: u16,
    /// Fields of which name or value are not known.
    pub unknown: u32,
    /// More fields or bytes than are kept.
    pub is_over: bool,
    pub flaw: Option<Flaw>,
    fields: usize,
    bytes: usize,
}

impl Head {
    /// Decodes a block; what comes before a flaw is kept.
    pub fn read(decoder: &mut Decoder, block: &[u8], caps: Caps) -> Head {
        let mut flaw = None;
        let mut head = Head::with(block.len(), |head| {
            flaw = decoder.decode(block, &mut |field| head.push(field, caps)).err();
        });
        head.flaw = flaw;
        head
    }

    /// The head that `fill` pushes the fields of, from a block of so many bytes.
    pub fn with(block_bytes: usize, fill: impl FnOnce(&mut Head)) -> Head {
        let mut head = Head {
            headers: Headers::with_capacity(block_bytes / 4 + 4, block_bytes * 2),
            ..Head::default()
        };
        fill(&mut head);
        head
    }

    pub fn push(&mut self, field: Field<'_>, caps: Caps) {
        self.fields += 1;
        self.bytes += field.name.map_or(0, <[u8]>::len) + field.value.map_or(0, <[u8]>::len);
        if self.fields > caps.headers_max || self.bytes > caps.head_bytes_max {
            self.is_over = true;
            return;
        }
        self.unknown += u32::from(field.name.is_none() || field.value.is_none());
        let Some(value) = field.value else { return };
        match field.name {
            Some(b":method") => self.method = text(value, caps.field_bytes_max),
            Some(b":path") => self.path = text(value, caps.field_bytes_max),
            Some(b":authority") => self.authority = text(value, caps.field_bytes_max),
            Some(b":status") => self.status = status(value),
            Some([b':', ..]) => {}
            Some(name) => {
                let name = Name::new(name, caps);
                self.headers.push(name.as_str(), &lossy(value, caps.field_bytes_max), caps);
            }
            None => self.headers.push(NAMELESS, &lossy(value, caps.field_bytes_max), caps),
        }
    }

    pub fn is_request(&self) -> bool {
        !self.method.is_empty()
    }

    pub fn is_response(&self) -> bool {
        self.status != 0
    }
}

/// Three digits.
fn status(value: &[u8]) -> u16 {
    match value {
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => {
            value.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
        }
        _ => 0,
    }
}
