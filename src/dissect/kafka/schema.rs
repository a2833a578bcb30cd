//! The walk over a message by the schema of its API. A schema is a line of text: fields with their
//! types in order, `@from` or `@from-to` for the versions that have them; `[...]` is an array of
//! structs, `*type` one of values, `{...}` a struct, `?{...}` one that may be null. Only fields with
//! names are of interest; a message that ends early, as one that was cut does, gives what could be
//! read.

use std::sync::OnceLock;

use super::apis::APIS;
use super::parse::Cursor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    I8,
    I16,
    I32,
    I64,
    Uuid,
    Str,
    Records,
}

/// The fields that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    None,
    Topic,
    TopicId,
    Partition,
    Error,
    Message,
    Group,
    Transaction,
    Mechanism,
    Acks,
    Throttle,
    Records,
}

#[derive(Debug)]
enum Node {
    Value(Name, Type),
    Values(Name, Type),
    Structs(Vec<Field>),
    Struct(Vec<Field>),
    /// With a byte in front that is negative for null.
    Nullable(Vec<Field>),
}

#[derive(Debug)]
struct Field {
    node: Node,
    from: i16,
    to: i16,
}

/// A value that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

/// The schemas of an API, read.
struct Schema {
    request: Vec<Field>,
    response: Vec<Field>,
}

/// In the order of keys.
fn schemas() -> &'static [Schema] {
    static SCHEMAS: OnceLock<Vec<Schema>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let read = |text: &str| {
            let mut spaced = text.replace(']', " ]").replace('}', " }");
            for open in ["[", "{"] {
                spaced = spaced.replace(open, &format!("{open} "));
            }
            fields(&mut spaced.split_ascii_whitespace().peekable())
        };
        let schema = |api: &super::apis::Api| Schema {
            request: read(api.request),
            response: read(api.response),
        };
        APIS.iter().map(schema).collect()
    })
}

type Words<'a> = std::iter::Peekable<std::str::SplitAsciiWhitespace<'a>>;

/// Fields up to the end of the text or of the struct that is open.
fn fields(words: &mut Words<'_>) -> Vec<Field> {
    let mut found = Vec::new();
    while let Some(word) = words.peek().copied().filter(|word| !word.starts_with([']', '}'])) {
        words.next();
        let (spelt, node) = match word {
            "[" | "{" | "?{" => {
                let inner = fields(words);
                let node = match word {
                    "[" => Node::Structs(inner),
                    "{" => Node::Struct(inner),
                    _ => Node::Nullable(inner),
                };
                (words.next().unwrap_or_default(), node)
            }
            _ => (word, value(word)),
        };
        let (from, to) = versions(spelt);
        found.push(Field { node, from, to });
    }
    found
}

/// `name:type@from-to`, with `*` in front for an array.
fn value(word: &str) -> Node {
    let (is_array, word) = match word.strip_prefix('*') {
        Some(word) => (true, word),
        None => (false, word),
    };
    let word = word.split('@').next().unwrap_or_default();
    let (name, ty) = word.split_once(':').unwrap_or(("_", word));
    let name = match name {
        "topic" => Name::Topic,
        "id" => Name::TopicId,
        "partition" => Name::Partition,
        "error" => Name::Error,
        "message" => Name::Message,
        "group" => Name::Group,
        "txn" => Name::Transaction,
        "mechanism" => Name::Mechanism,
        "acks" => Name::Acks,
        "throttle" => Name::Throttle,
        "records" => Name::Records,
        _ => Name::None,
    };
    let ty = match ty {
        "i8" => Type::I8,
        "i16" => Type::I16,
        "i32" => Type::I32,
        "i64" => Type::I64,
        "uuid" => Type::Uuid,
        "records" => Type::Records,
        _ => Type::Str,
    };
    if is_array { Node::Values(name, ty) } else { Node::Value(name, ty) }
}

/// `...@3` or `...@3-5`.
fn versions(word: &str) -> (i16, i16) {
    let Some((_, range)) = word.split_once('@') else { return (0, i16::MAX) };
    let (from, to) = range.split_once('-').unwrap_or((range, ""));
    (from.parse().unwrap_or(0), to.parse().unwrap_or(i16::MAX))
}

/// Walks the content of a request or response and calls `meet` for each value that has a name;
/// None when the bytes end too early, or nothing is known of the API.
pub fn walk<'a>(
    (key, version): (i16, i16),
    is_request: bool,
    cursor: &mut Cursor<'a>,
    meet: &mut impl FnMut(Name, Value<'a>),
) -> Option<()> {
    let schema = schemas().get(usize::try_from(key).ok()?)?;
    let fields = if is_request { &schema.request } else { &schema.response };
    structure(fields, version, cursor, meet)
}

/// A struct inside of another, with its tagged fields.
fn inner<'a>(
    fields: &[Field],
    version: i16,
    cursor: &mut Cursor<'a>,
    meet: &mut impl FnMut(Name, Value<'a>),
) -> Option<()> {
    structure(fields, version, cursor, meet)?;
    cursor.tags()
}

/// One struct: None when the bytes end in it. Depth is that of the schema.
fn structure<'a>(
    fields: &[Field],
    version: i16,
    cursor: &mut Cursor<'a>,
    meet: &mut impl FnMut(Name, Value<'a>),
) -> Option<()> {
    for field in fields.iter().filter(|f| (f.from..=f.to).contains(&version)) {
        match &field.node {
            Node::Value(name, ty) => one(*name, *ty, cursor, meet)?,
            Node::Values(name, ty) => {
                for _ in 0..cursor.count()? {
                    one(*name, *ty, cursor, meet)?;
                }
            }
            Node::Structs(fields) => {
                for _ in 0..cursor.count()? {
                    inner(fields, version, cursor, meet)?;
                }
            }
            Node::Struct(fields) => inner(fields, version, cursor, meet)?,
            Node::Nullable(fields) if cursor.int(1)? >= 0 => inner(fields, version, cursor, meet)?,
            Node::Nullable(_) => {}
        }
    }
    Some(())
}

fn one<'a>(
    name: Name,
    ty: Type,
    cursor: &mut Cursor<'a>,
    meet: &mut impl FnMut(Name, Value<'a>),
) -> Option<()> {
    let value = match ty {
        Type::I8 => Value::Int(cursor.int(1)?),
        Type::I16 => Value::Int(cursor.int(2)?),
        Type::I32 => Value::Int(cursor.int(4)?),
        Type::I64 => Value::Int(cursor.int(8)?),
        Type::Uuid => Value::Bytes(cursor.take(16)?),
        Type::Str => Value::Bytes(cursor.string()?),
        Type::Records => {
            let length = cursor.records_length()?;
            let (whole, part) = cursor.take_up_to(length);
            if name != Name::None {
                meet(name, Value::Bytes(part));
            }
            return whole.then_some(());
        }
    };
    if name != Name::None {
        meet(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(
        api: (i16, i16),
        is_request: bool,
        is_flexible: bool,
        bytes: &[u8],
    ) -> Vec<(Name, Value<'_>)> {
        let mut found = Vec::new();
        let mut cursor = Cursor::new(bytes, is_flexible);
        walk(api, is_request, &mut cursor, &mut |name, value| found.push((name, value)));
        found
    }

    #[test]
    fn a_produce_request_old_and_flexible() {
        let old = b"\xff\xff\0\x01\0\0\x75\x30\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x05\0\0\0\x02ab";
        let new = b"\0\0\x01\0\0\x75\x30\x02\x02t\x02\0\0\0\x05\x03ab\0\0\0";
        let expected = [
            (Name::Transaction, Value::Bytes(b"")),
            (Name::Acks, Value::Int(1)),
            (Name::Topic, Value::Bytes(b"t")),
            (Name::Partition, Value::Int(5)),
            (Name::Records, Value::Bytes(b"ab")),
        ];
        assert_eq!(met((0, 7), true, false, old), expected);
        assert_eq!(met((0, 9), true, true, new), expected);
        for cut in 0..old.len() {
            let part = met((0, 7), true, false, &old[..cut]);
            let same = part.iter().zip(&expected).filter(|(a, b)| a == b).count();
            assert!(same + 1 >= part.len(), "{cut}: {part:?}");
        }
    }

    /// Messages of every API and version that the crate kafka-protocol 0.18 knows, one element in
    /// each array, as its decoders take them to the last byte; and the values that have names.
    /// Versions that are the same as the one before are left out.
    const VERSIONS: &str = include_str!("versions.tsv");

    fn spelt(name: Name, value: Value<'_>) -> Option<String> {
        let name = match name {
            Name::None | Name::TopicId => return None,
            Name::Transaction => "txn".to_string(),
            name => format!("{name:?}").to_lowercase(),
        };
        Some(match value {
            Value::Int(number) => format!("{name}={number}"),
            Value::Bytes(bytes) => format!("{name}={}", String::from_utf8_lossy(bytes)),
        })
    }

    #[test]
    fn every_version_is_read_to_its_end() {
        let byte = |hex: &str, at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        for line in VERSIONS.lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            let [key, side, version, hex, expected] = cells[..] else { panic!("{line}") };
            let (key, version) = (key.parse().unwrap(), version.parse().unwrap());
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect();
            for end in 0..=bytes.len() {
                let mut cursor =
                    Cursor::new(&bytes[..end], super::super::apis::is_flexible(key, version));
                let mut found = Vec::new();
                let walked = walk((key, version), side == "request", &mut cursor, &mut |n, v| {
                    found.extend(spelt(n, v));
                });
                if end == bytes.len() {
                    assert_eq!(found.join(" "), expected, "{line}");
                    assert!(walked.is_some() && cursor.tags().is_some(), "{line}");
                    assert!(cursor.is_empty(), "{line}");
                } else {
                    assert!(found.len() <= expected.split(' ').count(), "{line} cut at {end}");
                }
            }
        }
    }

    #[test]
    fn any_version_ends() {
        for key in 0..APIS.len() as i16 {
            for version in 0..20 {
                for is_request in [false, true] {
                    met((key, version), is_request, false, &[0; 64]);
                    met((key, version), is_request, true, &[1; 64]);
                }
            }
        }
    }

    #[test]
    fn lying_counts_end_with_the_bytes() {
        assert_eq!(
            met((3, 0), true, false, b"\x7f\xff\xff\xff\0\x01a"),
            [(Name::Topic, Value::Bytes(b"a"))]
        );
    }
}
