//! Bytes of AMQP 0-9-1 -> frames and the arguments of methods that are of interest. Everything is
//! big-endian. Arguments that were cut read as empty.

use super::super::framer::Head;
use super::super::text::text;
use crate::field::Text;

/// Type, channel, length; and the byte that ends a frame.
pub const HEADER_BYTES: usize = 7;
const END: u8 = 0xce;
/// Longest frame: far above what brokers agree to.
const FRAME_BYTES_MAX: u32 = 16 << 20;
/// Text kept of names: short strings have no more.
const NAME_BYTES_MAX: usize = 255;

pub const METHOD: u8 = 1;
pub const HEADER: u8 = 2;
pub const BODY: u8 = 3;
pub const HEARTBEAT: u8 = 8;

/// What a connection begins with: the protocol and its version.
pub fn protocol(bytes: &[u8]) -> Option<[u8; 4]> {
    bytes.strip_prefix(b"AMQP")?.first_chunk::<4>().copied()
}

/// Length of the frame, or the connection's first bytes, that begins here.
pub fn head(bytes: &[u8]) -> Head {
    if bytes.first() == Some(&b'A') {
        return match protocol(bytes) {
            Some(_) => Head::Frame(8),
            None if b"AMQP".starts_with(bytes.get(..4).unwrap_or(bytes)) => Head::More,
            None => Head::Bad,
        };
    }
    match *bytes {
        [] => Head::More,
        [kind, ..] if !matches!(kind, METHOD | HEADER | BODY | HEARTBEAT) => Head::Bad,
        [_, _, _, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([a, b, c, d]);
            let total = length as usize + HEADER_BYTES;
            match bytes.get(total) {
                _ if length > FRAME_BYTES_MAX => Head::Bad,
                Some(&end) if end != END => Head::Bad,
                _ => Head::Frame(total as u64 + 1),
            }
        }
        _ => Head::More,
    }
}

/// Whether a frame's content begins as its type demands.
pub fn is_formed(bytes: &[u8]) -> bool {
    let length = bytes.get(3..HEADER_BYTES).and_then(|b| b.first_chunk::<4>());
    let length = length.map_or(0, |b| u32::from_be_bytes(*b));
    match (bytes.first(), id(bytes)) {
        (Some(&METHOD), Some(id)) => length >= 4 && method_name(id).is_some(),
        (Some(&HEADER), Some((class, weight))) => class == 60 && weight == 0 && length >= 14,
        (Some(&BODY), _) => length > 0,
        (Some(&HEARTBEAT), _) => length == 0 && bytes.get(1..3) == Some(&[0, 0]),
        _ => false,
    }
}

/// Class and method; of a header class and weight.
pub fn id(frame: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *frame.get(HEADER_BYTES..)?.first_chunk::<4>()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

pub fn channel(frame: &[u8]) -> u16 {
    frame.get(1..3).and_then(|b| b.first_chunk::<2>()).map_or(0, |b| u16::from_be_bytes(*b))
}

/// Methods by class and number (AMQP 0-9-1, and RabbitMQ's extensions).
const METHODS: &[((u16, u16), &str)] = &[
    ((10, 10), "connection.start"),
    ((10, 11), "connection.start-ok"),
    ((10, 20), "connection.secure"),
    ((10, 21), "connection.secure-ok"),
    ((10, 30), "connection.tune"),
    ((10, 31), "connection.tune-ok"),
    ((10, 40), "connection.open"),
    ((10, 41), "connection.open-ok"),
    ((10, 50), "connection.close"),
    ((10, 51), "connection.close-ok"),
    ((10, 60), "connection.blocked"),
    ((10, 61), "connection.unblocked"),
    ((10, 70), "connection.update-secret"),
    ((10, 71), "connection.update-secret-ok"),
    ((20, 10), "channel.open"),
    ((20, 11), "channel.open-ok"),
    ((20, 20), "channel.flow"),
    ((20, 21), "channel.flow-ok"),
    ((20, 40), "channel.close"),
    ((20, 41), "channel.close-ok"),
    ((40, 10), "exchange.declare"),
    ((40, 11), "exchange.declare-ok"),
    ((40, 20), "exchange.delete"),
    ((40, 21), "exchange.delete-ok"),
    ((40, 30), "exchange.bind"),
    ((40, 31), "exchange.bind-ok"),
    ((40, 40), "exchange.unbind"),
    ((40, 51), "exchange.unbind-ok"),
    ((50, 10), "queue.declare"),
    ((50, 11), "queue.declare-ok"),
    ((50, 20), "queue.bind"),
    ((50, 21), "queue.bind-ok"),
    ((50, 30), "queue.purge"),
    ((50, 31), "queue.purge-ok"),
    ((50, 40), "queue.delete"),
    ((50, 41), "queue.delete-ok"),
    ((50, 50), "queue.unbind"),
    ((50, 51), "queue.unbind-ok"),
    ((60, 10), "basic.qos"),
    ((60, 11), "basic.qos-ok"),
    ((60, 20), "basic.consume"),
    ((60, 21), "basic.consume-ok"),
    ((60, 30), "basic.cancel"),
    ((60, 31), "basic.cancel-ok"),
    ((60, 40), "basic.publish"),
    ((60, 50), "basic.return"),
    ((60, 60), "basic.deliver"),
    ((60, 70), "basic.get"),
    ((60, 71), "basic.get-ok"),
    ((60, 72), "basic.get-empty"),
    ((60, 80), "basic.ack"),
    ((60, 90), "basic.reject"),
    ((60, 100), "basic.recover-async"),
    ((60, 110), "basic.recover"),
    ((60, 111), "basic.recover-ok"),
    ((60, 120), "basic.nack"),
    ((85, 10), "confirm.select"),
    ((85, 11), "confirm.select-ok"),
    ((90, 10), "tx.select"),
    ((90, 11), "tx.select-ok"),
    ((90, 20), "tx.commit"),
    ((90, 21), "tx.commit-ok"),
    ((90, 30), "tx.rollback"),
    ((90, 31), "tx.rollback-ok"),
];

/// Name of a method.
pub fn method_name(id: (u16, u16)) -> Option<&'static str> {
    let at = METHODS.binary_search_by_key(&id, |(id, _)| *id).ok()?;
    METHODS.get(at).map(|(_, name)| *name)
}

/// The answers that a method asks for; empty where it is one way or an answer itself.
pub fn answers((class, method): (u16, u16)) -> &'static [u16] {
    match (class, method) {
        (60, 70) => &[71, 72],
        (10, 10) => &[11],
        (10, 20) => &[21],
        (10, 30) => &[31],
        (10, 40) => &[41],
        (10, 50) => &[51],
        (10, 70) => &[71],
        (20 | 40 | 50 | 60 | 85 | 90, 10) => &[11],
        (20 | 40 | 50 | 60 | 90, 20) => &[21],
        (40 | 50 | 60 | 90, 30) => &[31],
        (20 | 50, 40) => &[41],
        (40, 40) | (50, 50) => &[51],
        (60, 110) => &[111],
        _ => &[],
    }
}

/// Whether a method is nothing but an answer.
pub fn is_answer((class, method): (u16, u16)) -> bool {
    match class {
        60 => matches!(method, 11 | 21 | 31 | 71 | 72 | 111),
        _ => method % 10 == 1,
    }
}

/// Whether content (a header and bodies) follows a method.
pub fn has_content(id: (u16, u16)) -> bool {
    matches!(id, (60, 40 | 50 | 60 | 71))
}

/// Reads arguments one after the other; what is not there is empty.
struct Arguments<'a> {
    rest: &'a [u8],
}

impl<'a> Arguments<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((&[], &[]));
        self.rest = rest;
        taken
    }

    fn short(&mut self) -> u16 {
        self.take(2).first_chunk::<2>().map_or(0, |b| u16::from_be_bytes(*b))
    }

    fn long(&mut self) -> i64 {
        let bytes = self.take(8).first_chunk::<8>();
        i64::try_from(bytes.map_or(0, |b| u64::from_be_bytes(*b))).unwrap_or(i64::MAX)
    }

    fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn string(&mut self) -> Text {
        let length = usize::from(self.octet());
        text(self.take(length), NAME_BYTES_MAX)
    }
}

/// Arguments of a method, those that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Method {
    pub exchange: Text,
    pub routing_key: Text,
    pub queue: Text,
    pub consumer_tag: Text,
    pub virtual_host: Text,
    pub delivery_tag: i64,
    pub is_redelivered: bool,
    /// An ack or nack of all up to its tag.
    pub is_multiple: bool,
    /// No answer is wanted.
    pub is_silent: bool,
    pub reply_code: u16,
    pub reply_text: Text,
}

/// Reads the arguments of a method's frame.
pub fn method(frame: &[u8]) -> Method {
    let Some(id) = id(frame) else { return Method::default() };
    let mut args = Arguments { rest: frame.get(HEADER_BYTES + 4..).unwrap_or_default() };
    let mut found = Method::default();
    match id {
        (10, 40) => found.virtual_host = args.string(),
        (10, 50) | (20, 40) => (found.reply_code, found.reply_text) = (args.short(), args.string()),
        (40, method) => exchange(method, &mut args, &mut found),
        (50, method) => queue(method, &mut args, &mut found),
        (60, method) => basic(method, &mut args, &mut found),
        (85, 10) => found.is_silent = bit(args.octet(), 0),
        _ => {}
    }
    found
}

fn bit(flags: u8, at: u8) -> bool {
    flags & (1 << at) != 0
}

fn exchange(method: u16, args: &mut Arguments<'_>, found: &mut Method) {
    args.short(); // was a ticket
    match method {
        10 => {
            (found.exchange, _) = (args.string(), args.string());
            found.is_silent = bit(args.octet(), 4);
        }
        20 => {
            found.exchange = args.string();
            found.is_silent = bit(args.octet(), 1);
        }
        30 | 40 => {
            (_, found.exchange, found.routing_key) = (args.string(), args.string(), args.string());
            found.is_silent = bit(args.octet(), 0);
        }
        _ => {}
    }
}

fn queue(method: u16, args: &mut Arguments<'_>, found: &mut Method) {
    if method == 11 {
        found.queue = args.string();
        return;
    }
    args.short(); // was a ticket
    match method {
        10 => {
            found.queue = args.string();
            found.is_silent = bit(args.octet(), 4);
        }
        20 | 50 => {
            (found.queue, found.exchange) = (args.string(), args.string());
            found.routing_key = args.string();
            found.is_silent = method == 20 && bit(args.octet(), 0);
        }
        30 | 40 => {
            found.queue = args.string();
            found.is_silent = bit(args.octet(), if method == 30 { 0 } else { 2 });
        }
        _ => {}
    }
}

fn basic(method: u16, args: &mut Arguments<'_>, found: &mut Method) {
    match method {
        20 => {
            args.short(); // was a ticket
            (found.queue, found.consumer_tag) = (args.string(), args.string());
            found.is_silent = bit(args.octet(), 3);
        }
        21 => found.consumer_tag = args.string(),
        30 => {
            found.consumer_tag = args.string();
            found.is_silent = bit(args.octet(), 0);
        }
        40 => {
            args.short(); // was a ticket
            (found.exchange, found.routing_key) = (args.string(), args.string());
        }
        50 => {
            (found.reply_code, found.reply_text) = (args.short(), args.string());
            (found.exchange, found.routing_key) = (args.string(), args.string());
        }
        60 => {
            found.consumer_tag = args.string();
            delivered(args, found);
        }
        70 => {
            args.short(); // was a ticket
            found.queue = args.string();
        }
        71 => delivered(args, found),
        80 | 90 | 120 => {
            found.delivery_tag = args.long();
            found.is_multiple = method != 90 && bit(args.octet(), 0);
        }
        _ => {}
    }
}

/// What deliver and get-ok say of a message.
fn delivered(args: &mut Arguments<'_>, found: &mut Method) {
    found.delivery_tag = args.long();
    found.is_redelivered = bit(args.octet(), 0);
    (found.exchange, found.routing_key) = (args.string(), args.string());
}

/// Bytes of a content and its type, of a header's frame.
pub fn content(frame: &[u8]) -> (u64, Text) {
    let mut args = Arguments { rest: frame.get(HEADER_BYTES + 4..).unwrap_or_default() };
    let size = u64::try_from(args.long()).unwrap_or(0);
    let has_type = args.short() & 0x8000 != 0;
    (size, if has_type { args.string() } else { Text::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISH: &[u8] = b"\x01\0\x01\0\0\0\x10\0\x3c\0\x28\0\0\x02ex\x04key1\0\0\xce";

    #[test]
    fn heads() {
        assert_eq!(head(PUBLISH), Head::Frame(24));
        for cut in 0..7 {
            assert_eq!(head(&PUBLISH[..cut]), Head::More);
        }
        assert_eq!(head(b"AMQP\0\0\x09\x01"), Head::Frame(8));
        assert_eq!(head(b"AMQ"), Head::More);
        assert_eq!(head(b"\x08\0\0\0\0\0\0\xcf"), Head::Bad);
        assert_eq!(head(b"\x08\0\0\0\0\0\0\xce"), Head::Frame(8));
        assert_eq!(head(b"GET /"), Head::Bad);
    }

    #[test]
    fn arguments_of_any_prefix() {
        let whole = method(PUBLISH);
        assert_eq!((whole.exchange.as_str(), whole.routing_key.as_str()), ("ex", "key1"));
        for cut in 0..PUBLISH.len() {
            let part = method(&PUBLISH[..cut]);
            assert!(part.exchange.is_empty() || part.exchange == "ex");
        }
        let deliver = b"\x01\0\x01\0\0\0\0\0\x3c\0\x3c\x01c\0\0\0\0\0\0\0\x07\x01\x01e\x01k";
        let deliver = method(deliver);
        assert_eq!((deliver.delivery_tag, deliver.is_redelivered), (7, true));
        let close = method(b"\x01\0\x01\0\0\0\0\0\x14\0\x28\x01\x94\x02no\0\x32\0\x0a");
        assert_eq!((close.reply_code, close.reply_text.as_str()), (404, "no"));
    }

    #[test]
    fn methods_are_sorted() {
        assert!(METHODS.is_sorted_by_key(|(id, _)| *id));
        assert_eq!(method_name((60, 40)), Some("basic.publish"));
        assert_eq!(method_name((60, 41)), None);
    }

    #[test]
    fn contents() {
        let header = b"\x02\0\x01\0\0\0\x12\0\x3c\0\0\0\0\0\0\0\0\0\x05\x80\0\x04text\xce";
        assert_eq!(content(header), (5, "text".into()));
        assert!(is_formed(header) && is_formed(PUBLISH));
        for cut in 0..header.len() {
            content(&header[..cut]);
        }
    }
}
