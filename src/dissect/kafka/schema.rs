//! What the messages of the APIs hold, and the walk over them. A schema is a line of text: fields
//! with their types in order, `@from` or `@from-to` for the versions that have them; `[...]` is an
//! array of structs, `*type` one of values. Only fields with names are of interest; a message that
//! ends early, as one that was cut does, gives what could be read.

use std::sync::OnceLock;

use super::parse::Cursor;

/// Request and response of an API by its key; where an API is not listed its header tells all.
/// From the message definitions of Apache Kafka 4.
const SCHEMAS: &[(i16, &str, &str)] = &[
    (
        0,
        "txn:str@3 acks:i16 _:i32 [topic:str@0-12 id:uuid@13 [partition:i32 records:records]]",
        "[topic:str@0-12 id:uuid@13 [partition:i32 error:i16 _:i64 _:i64@2 _:i64@5 [_:i32 _:str]@8 message:str@8]] throttle:i32@1",
    ),
    (
        1,
        "_:i32@0-14 _:i32 _:i32 _:i32@3 _:i8@4 _:i32@7 _:i32@7 [topic:str@0-12 id:uuid@13 [partition:i32 _:i32@9 _:i64 _:i32@12 _:i64@5 _:i32]]",
        "throttle:i32@1 error:i16@7 _:i32@7 [topic:str@0-12 id:uuid@13 [partition:i32 error:i16 _:i64 _:i64@4 _:i64@5 [_:i64 _:i64]@4 _:i32@11 records:records]]",
    ),
    (
        2,
        "_:i32 _:i8@2 [topic:str [partition:i32 _:i32@4 _:i64 _:i32@0-0]]",
        "throttle:i32@2 [topic:str [partition:i32 error:i16 *i64@0-0 _:i64@1 _:i64@1 _:i32@4]]",
    ),
    (
        3,
        "[id:uuid@10 topic:str]",
        "throttle:i32@3 [_:i32 _:str _:i32 _:str@1] _:str@2 _:i32@1 [error:i16 topic:str id:uuid@10 _:i8@1 [error:i16 partition:i32 _:i32 _:i32@7 *i32 *i32 *i32@5] _:i32@8] _:i32@8-10 error:i16@13",
    ),
    (
        8,
        "group:str _:i32@1 _:str@1 _:str@7 _:i64@2-4 [topic:str@0-9 id:uuid@10 [partition:i32 _:i64 _:i32@6 _:i64@1-1 _:str]]",
        "throttle:i32@3 [topic:str@0-9 id:uuid@10 [partition:i32 error:i16]]",
    ),
    (
        9,
        "group:str@0-7 [topic:str *i32]@0-7 [group:str _:str@9 _:i32@9 [topic:str@0-9 id:uuid@10 *i32]]@8",
        "throttle:i32@3 [topic:str [partition:i32 _:i64 _:i32@5 _:str error:i16]]@0-7 error:i16@2-7 [group:str [topic:str@0-9 id:uuid@10 [partition:i32 _:i64 _:i32 _:str error:i16]] error:i16]@8",
    ),
    (
        10,
        "group:str@0-3 _:i8@1 *group:str@4",
        "throttle:i32@1 error:i16@0-3 message:str@1-3 _:i32@0-3 _:str@0-3 _:i32@0-3 [_:str _:i32 _:str _:i32 error:i16 message:str]@4",
    ),
    (11, "group:str _:i32 _:i32@1 _:str _:str@5 _:str", "throttle:i32@2 error:i16"),
    (12, "group:str", "throttle:i32@1 error:i16"),
    (13, "group:str", "throttle:i32@1 error:i16 [_:str _:str error:i16]@3"),
    (14, "group:str", "throttle:i32@1 error:i16"),
    (
        15,
        "*group:str",
        "throttle:i32@1 [error:i16 message:str@6 group:str _:str _:str _:str [_:str _:str@4 _:str _:str _:records _:records] _:i32@3]",
    ),
    (16, "", "throttle:i32@1 error:i16"),
    (17, "mechanism:str", "error:i16"),
    (18, "", "error:i16"),
    (
        19,
        "[topic:str _:i32 _:i16 [_:i32 *i32] [_:str _:str]] _:i32",
        "throttle:i32@2 [topic:str id:uuid@7 error:i16 message:str@1 _:i32@5 _:i16@5 [_:str _:str _:i8 _:i8 _:i8]@5]",
    ),
    (
        20,
        "*topic:str@0-5 [topic:str id:uuid]@6 _:i32",
        "throttle:i32@1 [topic:str id:uuid@6 error:i16 message:str@5]",
    ),
    (
        21,
        "[topic:str [partition:i32 _:i64]]",
        "throttle:i32 [topic:str [partition:i32 _:i64 error:i16]]",
    ),
    (22, "txn:str", "throttle:i32 error:i16"),
    (
        23,
        "_:i32@3 [topic:str [partition:i32 _:i32@2 _:i32]]",
        "throttle:i32@2 [topic:str [error:i16 partition:i32 _:i32@1 _:i64]]",
    ),
    (
        24,
        "txn:str@0-3 _:i64@0-3 _:i16@0-3 [topic:str *i32]@0-3",
        "throttle:i32 error:i16@4 [topic:str [partition:i32 error:i16]]@0-3",
    ),
    (25, "txn:str _:i64 _:i16 group:str", "throttle:i32 error:i16"),
    (26, "txn:str", "throttle:i32 error:i16"),
    (
        28,
        "txn:str group:str _:i64 _:i16 _:i32@3 _:str@3 _:str@3 [topic:str [partition:i32 _:i64 _:i32@2 _:str]]",
        "throttle:i32 [topic:str [partition:i32 error:i16]]",
    ),
    (36, "", "error:i16 message:str"),
    (37, "[topic:str _:i32 [*i32]]", "throttle:i32 [topic:str error:i16 message:str]"),
    (42, "*group:str", "throttle:i32 [group:str error:i16]"),
    (29, "", "throttle:i32 error:i16 message:str"),
    (30, "", "throttle:i32 [error:i16 message:str]"),
    (
        32,
        "",
        "throttle:i32 [error:i16 message:str _:i8 _:str [_:str _:str _:i8 _:i8@0-0 _:i8@1 _:i8 [_:str _:str _:i8]@1 _:i8@3 _:str@3]]",
    ),
    (33, "", "throttle:i32 [error:i16 message:str _:i8 _:str]"),
    (43, "", "throttle:i32 error:i16@1"),
    (44, "", "throttle:i32 [error:i16 message:str _:i8 _:str]"),
    (45, "", "throttle:i32 _:i8@1 error:i16 message:str"),
    (46, "", "throttle:i32 error:i16 message:str"),
    (47, "group:str [topic:str [partition:i32]]", "error:i16 throttle:i32"),
    (48, "", "throttle:i32 error:i16 message:str"),
    (50, "", "throttle:i32 error:i16 message:str"),
    (57, "", "throttle:i32 error:i16 message:str"),
    (60, "", "throttle:i32 error:i16 message:str"),
    (66, "", "throttle:i32 error:i16"),
    (68, "group:str", "throttle:i32 error:i16 message:str"),
    (71, "", "throttle:i32 error:i16"),
    (72, "", "throttle:i32 error:i16"),
    (
        75,
        "[topic:str]",
        "throttle:i32 [error:i16 topic:str id:uuid _:i8 [error:i16 partition:i32 _:i32 _:i32 *i32 *i32 *i32 *i32 *i32] _:i32]",
    ),
    (76, "group:str", "throttle:i32 error:i16 message:str"),
    (78, "group:str", "throttle:i32 error:i16 message:str"),
    (79, "group:str", "throttle:i32 error:i16 message:str"),
];

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

/// Schemas that were read, by key.
struct Schema {
    key: i16,
    request: Vec<Field>,
    response: Vec<Field>,
}

fn schemas() -> &'static [Schema] {
    static SCHEMAS_READ: OnceLock<Vec<Schema>> = OnceLock::new();
    SCHEMAS_READ.get_or_init(|| {
        let read = |text: &str| {
            let spaced = text.replace('[', " [ ").replace(']', " ] ").replace(" ] @", " ]@");
            fields(&mut spaced.split_ascii_whitespace().peekable())
        };
        let schema = |&(key, request, response): &(i16, &str, &str)| Schema {
            key,
            request: read(request),
            response: read(response),
        };
        SCHEMAS.iter().map(schema).collect()
    })
}

type Words<'a> = std::iter::Peekable<std::str::SplitAsciiWhitespace<'a>>;

/// Fields up to the end of the text or of the array that is open.
fn fields(words: &mut Words<'_>) -> Vec<Field> {
    let mut found = Vec::new();
    while let Some(word) = words.peek().copied().filter(|word| !word.starts_with(']')) {
        words.next();
        let (spelt, node) = match word {
            "[" => {
                let inner = fields(words);
                (words.next().unwrap_or_default(), Node::Structs(inner))
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
    let schema = schemas().iter().find(|schema| schema.key == key)?;
    let fields = if is_request { &schema.request } else { &schema.response };
    structure(fields, version, cursor, meet)
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
                    structure(fields, version, cursor, meet)?;
                    cursor.tags()?;
                }
            }
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

    #[test]
    fn every_schema_is_read() {
        for schema in schemas() {
            for version in 0..20 {
                for is_request in [false, true] {
                    met((schema.key, version), is_request, false, &[0; 64]);
                    met((schema.key, version), is_request, true, &[1; 64]);
                }
            }
        }
        assert!(schemas().iter().all(|s| !s.response.is_empty()));
    }

    #[test]
    fn lying_counts_end_with_the_bytes() {
        assert_eq!(
            met((3, 0), true, false, b"\x7f\xff\xff\xff\0\x01a"),
            [(Name::Topic, Value::Bytes(b"a"))]
        );
    }
}
