//! Bytes of MongoDB's wire protocol -> commands and answers. Of a message that was cut what could
//! be read is told; of a document only its own elements and the first write error in it.

use std::borrow::Cow;
use std::io::Read;

use super::super::framer::Head;
use super::super::snappy;
use super::super::text::text;
use super::bson::{Elements, Value, length};
use crate::field::{Text, format_compact};

/// Length, id, id of what it answers, opcode.
pub const HEADER_BYTES: usize = 16;
/// Longest message: what servers take.
const MESSAGE_BYTES_MAX: usize = 48_000_000;
/// Text kept of names.
const NAME_BYTES_MAX: usize = 128;
/// Text kept of an error.
const ERROR_BYTES_MAX: usize = 256;

pub const REPLY: i32 = 1;
pub const UPDATE: i32 = 2001;
pub const INSERT: i32 = 2002;
pub const QUERY: i32 = 2004;
pub const GET_MORE: i32 = 2005;
pub const DELETE: i32 = 2006;
pub const KILL_CURSORS: i32 = 2007;
pub const COMPRESSED: i32 = 2012;
pub const MSG: i32 = 2013;

/// More messages follow without being asked for; to a request nothing is answered.
pub const MORE_TO_COME: u32 = 2;

pub fn opcode_name(opcode: i32) -> Option<&'static str> {
    Some(match opcode {
        REPLY => "OP_REPLY",
        UPDATE => "OP_UPDATE",
        INSERT => "OP_INSERT",
        QUERY => "OP_QUERY",
        GET_MORE => "OP_GET_MORE",
        DELETE => "OP_DELETE",
        KILL_CURSORS => "OP_KILL_CURSORS",
        2010 => "OP_COMMAND",
        2011 => "OP_COMMANDREPLY",
        COMPRESSED => "OP_COMPRESSED",
        MSG => "OP_MSG",
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub id: i32,
    pub answers: i32,
    pub opcode: i32,
}

/// Reads a header; None when it is not whole.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let int = |at: usize| Some(i32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
    Some(Header { id: int(4)?, answers: int(8)?, opcode: int(12)? })
}

/// Length of the message that begins here.
pub fn head(bytes: &[u8]) -> Head {
    let opcode = header(bytes).map(|header| header.opcode);
    match length(bytes) {
        None if bytes.len() < 4 => Head::More,
        Some(length @ HEADER_BYTES..=MESSAGE_BYTES_MAX) => match opcode {
            None => Head::More,
            Some(opcode) if opcode_name(opcode).is_some() => Head::Frame(length as u64),
            Some(_) => Head::Bad,
        },
        _ => Head::Bad,
    }
}

/// What a compressed message holds.
pub struct Plain<'a> {
    pub opcode: i32,
    pub content: Cow<'a, [u8]>,
    pub compression: &'static str,
}

/// The content behind the header, at most `max` bytes of it where it was compressed.
pub fn plain(opcode: i32, content: &[u8], max: usize) -> Plain<'_> {
    let as_is = Plain { opcode, content: Cow::Borrowed(content), compression: "" };
    if opcode != COMPRESSED {
        return as_is;
    }
    let Some((head, packed)) = content.split_first_chunk::<9>() else { return as_is };
    let [a, b, c, d, _, _, _, _, method] = *head;
    let opcode = i32::from_le_bytes([a, b, c, d]);
    let mut content = Vec::new();
    // What could be had of a cut message is of use too: errors do not matter.
    let (content, compression) = match method {
        0 => (Cow::Borrowed(packed), "none"),
        1 => {
            snappy::decode(packed, max, &mut content);
            (Cow::Owned(content), "snappy")
        }
        2 => {
            let _ =
                flate2::read::ZlibDecoder::new(packed).take(max as u64).read_to_end(&mut content);
            (Cow::Owned(content), "zlib")
        }
        3 => {
            if let Ok(decoder) = zstd::stream::read::Decoder::new(packed) {
                let _ = decoder.take(max as u64).read_to_end(&mut content);
            }
            (Cow::Owned(content), "zstd")
        }
        _ => (Cow::Owned(content), "unknown"),
    };
    Plain { opcode, content, compression }
}

/// What a request asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub command: Text,
    pub database: Text,
    pub collection: Text,
    pub is_one_way: bool,
}

fn name(bytes: &[u8]) -> Text {
    text(bytes, NAME_BYTES_MAX)
}

/// The flags of an OP_MSG, and its main document.
fn sections(content: &[u8]) -> (u32, &[u8]) {
    let Some((flags, mut rest)) = content.split_first_chunk::<4>() else { return (0, &[]) };
    while let Some((&kind, after)) = rest.split_first() {
        match (kind, length(after)) {
            (0, _) => return (u32::from_le_bytes(*flags), after),
            (1, Some(length)) if length >= 4 => rest = after.get(length..).unwrap_or_default(),
            _ => break,
        }
    }
    (u32::from_le_bytes(*flags), &[])
}

/// Reads a request's content.
pub fn asked(opcode: i32, content: &[u8]) -> Asked {
    match opcode {
        MSG => {
            let (flags, document) = sections(content);
            Asked { is_one_way: flags & MORE_TO_COME != 0, ..command(document) }
        }
        QUERY => query(content),
        UPDATE | INSERT | DELETE | GET_MORE => {
            let verb = match opcode {
                UPDATE => "update",
                INSERT => "insert",
                DELETE => "delete",
                _ => "getMore",
            };
            let (database, collection) = namespace(content.get(4..).unwrap_or_default());
            let is_one_way = opcode != GET_MORE;
            Asked { command: Text::const_new(verb), database, collection, is_one_way }
        }
        KILL_CURSORS => {
            Asked { command: Text::const_new("killCursors"), is_one_way: true, ..Asked::default() }
        }
        _ => Asked::default(),
    }
}

/// A command's document: its first element names it.
fn command(document: &[u8]) -> Asked {
    let mut asked = Asked::default();
    for (position, (key, value)) in Elements::of(document).enumerate() {
        match (position, key, value) {
            (0, key, value) => {
                asked.command = name(key);
                if let Value::Text(collection) = value {
                    asked.collection = name(collection);
                }
            }
            (_, b"$db", Value::Text(database)) => asked.database = name(database),
            (_, b"collection", Value::Text(collection)) if asked.command == "getMore" => {
                asked.collection = name(collection);
            }
            _ => {}
        }
    }
    asked
}

/// `shop.users` -> database and collection.
fn namespace(bytes: &[u8]) -> (Text, Text) {
    let whole = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let dot = memchr::memchr(b'.', whole).unwrap_or(whole.len());
    (name(whole.get(..dot).unwrap_or_default()), name(whole.get(dot + 1..).unwrap_or_default()))
}

fn query(content: &[u8]) -> Asked {
    let rest = content.get(4..).unwrap_or_default();
    let (database, collection) = namespace(rest);
    let end = memchr::memchr(0, rest).map_or(rest.len(), |end| end + 9);
    if collection != "$cmd" {
        return Asked { command: Text::const_new("find"), database, collection, is_one_way: false };
    }
    let document = rest.get(end..).unwrap_or_default();
    let inner = match Elements::of(document).next() {
        Some((b"$query" | b"query", Value::Document(inner))) => inner,
        _ => document,
    };
    Asked { database, ..command(inner) }
}

/// What a response tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub code: i64,
    pub code_name: Text,
    pub message: Text,
    pub documents: i64,
    /// It says that it failed, with or without a code.
    pub has_failed: bool,
}

/// Reads a response's content.
pub fn answer(opcode: i32, content: &[u8]) -> Answer {
    match opcode {
        MSG => result(sections(content).1),
        REPLY => {
            let returned = content.get(16..).and_then(length).unwrap_or(0);
            let failed = content.first().is_some_and(|flags| flags & 2 != 0);
            let mut answer = result(content.get(20..).unwrap_or_default());
            answer.documents = answer.documents.max(i64::try_from(returned).unwrap_or(0));
            answer.has_failed |= failed;
            answer
        }
        _ => Answer::default(),
    }
}

fn result(document: &[u8]) -> Answer {
    let mut answer = Answer::default();
    for (key, value) in Elements::of(document) {
        match (key, value) {
            (b"ok", value) => answer.has_failed |= value.number() == Some(0),
            (b"errmsg" | b"$err", Value::Text(words)) => {
                answer.message = text(words, ERROR_BYTES_MAX);
                answer.has_failed = true;
            }
            (b"code", value) if answer.code == 0 => answer.code = value.number().unwrap_or(0),
            (b"codeName", Value::Text(words)) => answer.code_name = name(words),
            (b"n", value) => answer.documents = value.number().unwrap_or(0),
            (b"cursor", Value::Document(cursor)) => answer.documents = batch(cursor),
            (b"writeErrors", Value::Document(errors)) => write_error(errors, &mut answer),
            (b"writeConcernError", Value::Document(error)) => failure(error, &mut answer),
            _ => {}
        }
    }
    if answer.code_name.is_empty() && answer.code == 11000 {
        answer.code_name = Text::const_new("DuplicateKey");
    }
    answer
}

/// Documents of a cursor's batch.
fn batch(cursor: &[u8]) -> i64 {
    let of = Elements::of(cursor).find_map(|(key, value)| match (key, value) {
        (b"firstBatch" | b"nextBatch", Value::Document(batch)) => Some(batch),
        _ => None,
    });
    of.map_or(0, |batch| i64::try_from(Elements::of(batch).count()).unwrap_or(i64::MAX))
}

/// The first of an array of errors.
fn write_error(errors: &[u8], answer: &mut Answer) {
    if let Some((_, Value::Document(error))) = Elements::of(errors).next() {
        failure(error, answer);
    }
}

fn failure(error: &[u8], answer: &mut Answer) {
    answer.has_failed = true;
    for (key, value) in Elements::of(error) {
        match (key, value) {
            (b"code", value) => answer.code = value.number().unwrap_or(0),
            (b"codeName", Value::Text(words)) => answer.code_name = name(words),
            (b"errmsg", Value::Text(words)) => answer.message = text(words, ERROR_BYTES_MAX),
            _ => {}
        }
    }
}

/// `find users`.
pub fn operation(asked: &Asked) -> Text {
    match (asked.command.is_empty(), asked.collection.is_empty()) {
        (true, _) => Text::const_new("unknown"),
        (false, true) => asked.command.clone(),
        (false, false) => format_compact!("{} {}", asked.command, asked.collection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// {find: "users", $db: "shop"}
    const FIND: &[u8] = b"\0\0\0\0\0\x28\0\0\0\x02find\0\x06\0\0\0users\0\
        \x02$db\0\x05\0\0\0shop\0\0";

    #[test]
    fn commands_of_any_prefix() {
        let whole = asked(MSG, FIND);
        let names = [&whole.command, &whole.database, &whole.collection];
        assert_eq!(names, ["find", "shop", "users"]);
        for cut in 0..FIND.len() {
            let part = asked(MSG, &FIND[..cut]);
            assert!(part.command.is_empty() || part.command == "find");
        }
        let legacy =
            b"\0\0\0\0shop.$cmd\0\0\0\0\0\xff\xff\xff\xff\x13\0\0\0\x10isMaster\0\x01\0\0\0\0";
        assert_eq!(asked(QUERY, legacy).command, "isMaster");
        assert_eq!(asked(INSERT, b"\0\0\0\0shop.users\0").collection, "users");
    }

    #[test]
    fn heads() {
        let bytes = b"\x10\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0";
        assert_eq!(head(bytes), Head::Frame(16));
        for cut in 0..16 {
            assert_eq!(head(&bytes[..cut]), Head::More);
        }
        assert_eq!(head(b"\x0f\0\0\0"), Head::Bad);
        assert_eq!(head(b"\x10\0\0\0\x01\0\0\0\0\0\0\0\xdd\x08\0\0"), Head::Bad);
    }

    #[test]
    fn compressed_messages() {
        use std::io::Write;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(FIND).unwrap();
        let mut snappy = vec![FIND.len() as u8, (FIND.len() as u8 - 1) << 2];
        snappy.extend_from_slice(FIND);
        for (method, packed) in [
            (0, FIND.to_vec()),
            (1, snappy),
            (2, zlib.finish().unwrap()),
            (3, zstd::encode_all(FIND, 1).unwrap()),
        ] {
            let mut content =
                [&MSG.to_le_bytes()[..], &(FIND.len() as i32).to_le_bytes(), &[method]].concat();
            content.extend_from_slice(&packed);
            let whole = plain(COMPRESSED, &content, 1000);
            assert_eq!((whole.opcode, &*whole.content), (MSG, FIND), "{method}");
            for cut in 0..content.len() {
                assert!(
                    plain(COMPRESSED, &content[..cut], 1000).content.len()
                        <= content.len() + FIND.len()
                );
            }
        }
    }
}
