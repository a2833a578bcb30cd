//! Words of a command -> what is stored of it: verb, line, key. Knows which verbs there are, where
//! their keys stand and which of their words are data.

use super::super::secret::Secrets;
use super::super::text::text;
use super::parse::Words;
use crate::field::Text;

const VERB_BYTES_MAX: usize = 32;
const KEY_BYTES_MAX: usize = 64;
/// What is shown of data that a command stores.
const DATA_BYTES_MAX: usize = 64;

/// Verbs that tell a command from a reply that is a list of strings, too.
const VERBS: &[&str] = &[
    "ACL",
    "APPEND",
    "ASKING",
    "AUTH",
    "BGSAVE",
    "BITCOUNT",
    "BITOP",
    "BLMOVE",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "CONFIG",
    "COPY",
    "DBSIZE",
    "DECR",
    "DECRBY",
    "DEL",
    "DISCARD",
    "DUMP",
    "ECHO",
    "EVAL",
    "EVALSHA",
    "EXEC",
    "EXISTS",
    "EXPIRE",
    "EXPIREAT",
    "FCALL",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "GEOADD",
    "GEOSEARCH",
    "GET",
    "GETDEL",
    "GETEX",
    "GETRANGE",
    "GETSET",
    "HDEL",
    "HELLO",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HINCRBY",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HMSET",
    "HSCAN",
    "HSET",
    "HSETNX",
    "HVALS",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "INFO",
    "KEYS",
    "LASTSAVE",
    "LATENCY",
    "LINDEX",
    "LINSERT",
    "LLEN",
    "LMOVE",
    "LPOP",
    "LPUSH",
    "LPUSHX",
    "LRANGE",
    "LREM",
    "LSET",
    "LTRIM",
    "MEMORY",
    "MGET",
    "MIGRATE",
    "MODULE",
    "MONITOR",
    "MSET",
    "MSETNX",
    "MULTI",
    "OBJECT",
    "PERSIST",
    "PEXPIRE",
    "PFADD",
    "PFCOUNT",
    "PING",
    "PSETEX",
    "PSUBSCRIBE",
    "PSYNC",
    "PTTL",
    "PUBLISH",
    "PUBSUB",
    "PUNSUBSCRIBE",
    "QUIT",
    "RANDOMKEY",
    "READONLY",
    "RENAME",
    "REPLCONF",
    "REPLICAOF",
    "RESET",
    "RESTORE",
    "ROLE",
    "RPOP",
    "RPOPLPUSH",
    "RPUSH",
    "RPUSHX",
    "SADD",
    "SAVE",
    "SCAN",
    "SCARD",
    "SCRIPT",
    "SDIFF",
    "SELECT",
    "SENTINEL",
    "SET",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SHUTDOWN",
    "SINTER",
    "SISMEMBER",
    "SLAVEOF",
    "SLOWLOG",
    "SMEMBERS",
    "SMOVE",
    "SORT",
    "SPOP",
    "SPUBLISH",
    "SRANDMEMBER",
    "SREM",
    "SSCAN",
    "SSUBSCRIBE",
    "STRLEN",
    "SUBSCRIBE",
    "SUNION",
    "SUNSUBSCRIBE",
    "SYNC",
    "TIME",
    "TOUCH",
    "TTL",
    "TYPE",
    "UNLINK",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WATCH",
    "XACK",
    "XADD",
    "XAUTOCLAIM",
    "XCLAIM",
    "XDEL",
    "XGROUP",
    "XINFO",
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREAD",
    "XREADGROUP",
    "XTRIM",
    "ZADD",
    "ZCARD",
    "ZCOUNT",
    "ZINCRBY",
    "ZPOPMAX",
    "ZPOPMIN",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREM",
    "ZREMRANGEBYSCORE",
    "ZREVRANGE",
    "ZSCAN",
    "ZSCORE",
    "ZUNIONSTORE",
];

/// Verbs whose second word says what they do.
const CONTAINERS: &[&str] = &[
    "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "FUNCTION", "LATENCY", "MEMORY", "MODULE",
    "OBJECT", "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO",
];

/// Verbs without a key.
const KEYLESS: &[&str] = &[
    "ACL",
    "ASKING",
    "AUTH",
    "BGREWRITEAOF",
    "BGSAVE",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "CONFIG",
    "DBSIZE",
    "DISCARD",
    "ECHO",
    "EXEC",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "HELLO",
    "INFO",
    "KEYS",
    "LASTSAVE",
    "LATENCY",
    "MODULE",
    "MONITOR",
    "MULTI",
    "PING",
    "PSYNC",
    "PUBSUB",
    "QUIT",
    "RANDOMKEY",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "REPLICAOF",
    "RESET",
    "ROLE",
    "SAVE",
    "SCAN",
    "SCRIPT",
    "SELECT",
    "SENTINEL",
    "SHUTDOWN",
    "SLAVEOF",
    "SLOWLOG",
    "SWAPDB",
    "SYNC",
    "TIME",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
];

/// Verbs that store data: all words behind the key are.
const WRITERS: &[&str] = &[
    "APPEND", "GEOADD", "GETSET", "HMSET", "HSET", "HSETNX", "JSON.SET", "LINSERT", "LPUSH",
    "LPUSHX", "LSET", "MSET", "MSETNX", "PFADD", "PSETEX", "PUBLISH", "RESTORE", "RPUSH", "RPUSHX",
    "SADD", "SET", "SETEX", "SETNX", "SETRANGE", "SPUBLISH", "XADD", "ZADD",
];

fn is_in(table: &[&str], verb: &str) -> bool {
    table.binary_search(&verb).is_ok()
}

/// Upper case, and never more than a name can be long.
pub fn verb(word: &[u8]) -> Text {
    let mut verb = text(word, VERB_BYTES_MAX);
    verb.make_ascii_uppercase();
    verb
}

pub fn is_verb(word: &[u8]) -> bool {
    is_in(VERBS, &verb(word))
}

/// The command in one line of at most `max` bytes; `count` words were announced.
pub fn line(verb: &str, words: &Words, count: i64, max: usize, secrets: Secrets) -> Text {
    let all: Vec<&[u8]> = words.iter().collect();
    let mut line = Text::from(verb);
    for (at, word) in all.iter().enumerate().skip(1) {
        line.push(' ');
        if at == 1 && is_in(CONTAINERS, verb) {
            line.push_str(&self::verb(word));
        } else if secrets.redis_argument(&all, at) {
            line.push_str(&Secrets::mask(usize::try_from(words.bytes(at)).unwrap_or(usize::MAX)));
        } else {
            line.push_str(&text(word, shown_max(verb, at)));
        }
        if line.len() > max {
            break;
        }
    }
    let has_more = usize::try_from(count).is_ok_and(|count| count > all.len());
    if has_more || line.len() > max {
        line.truncate(line.floor_char_boundary(max.saturating_sub(4)));
        line.push_str(" ...");
    }
    line
}

/// Bytes shown of word `at`.
fn shown_max(verb: &str, at: usize) -> usize {
    let first_data = if verb.starts_with("MSET") { 1 } else { 2 };
    let is_data = at >= first_data && is_in(WRITERS, verb);
    if is_data { DATA_BYTES_MAX } else { usize::MAX }
}

/// The first key or channel.
pub fn key(verb: &str, words: &Words) -> Text {
    let is_zero = |at| words.get(at) == b"0";
    let at = match verb {
        _ if is_in(KEYLESS, verb) => return Text::default(),
        "BITOP" | "DEBUG" | "MEMORY" | "OBJECT" | "XGROUP" | "XINFO" => 2,
        "LMPOP" | "SINTERCARD" | "ZDIFF" | "ZINTER" | "ZINTERCARD" | "ZMPOP" | "ZUNION" => 2,
        "EVAL" | "EVALSHA" | "EVALSHA_RO" | "EVAL_RO" | "FCALL" | "FCALL_RO" if is_zero(2) => {
            return Text::default();
        }
        "EVAL" | "EVALSHA" | "EVALSHA_RO" | "EVAL_RO" | "FCALL" | "FCALL_RO" => 3,
        "BLMPOP" | "BZMPOP" | "MIGRATE" => 3,
        "XREAD" | "XREADGROUP" => {
            let streams = words.iter().position(|word| word.eq_ignore_ascii_case(b"STREAMS"));
            streams.map_or(usize::MAX, |at| at + 1)
        }
        _ => 1,
    };
    text(words.get(at), KEY_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::parse::{Reader, Role};
    use super::*;
    use crate::limits::Limits;

    fn shown(inline: &str) -> (Text, Text) {
        let mut reader = Reader::new(&Limits::default());
        reader.read(format!("{inline}\r\n").as_bytes(), Role::Command);
        let verb = verb(reader.words.get(0));
        let secrets = Secrets::new(&Limits::default());
        (line(&verb, &reader.words, reader.count, 200, secrets), key(&verb, &reader.words))
    }

    #[test]
    fn tables_are_sorted() {
        for table in [VERBS, CONTAINERS, KEYLESS, WRITERS] {
            assert!(table.is_sorted(), "{table:?}");
        }
    }

    #[test]
    fn lines_and_keys() {
        for (inline, line, key) in [
            ("get a:1", "GET a:1", "a:1"),
            ("config set dir /tmp", "CONFIG SET dir /tmp", ""),
            ("CONFIG SET requirepass hunter2", "CONFIG SET requirepass <masked 7 bytes>", ""),
            ("auth hunter2", "AUTH <masked 7 bytes>", ""),
            ("EVAL return 1 k v", "EVAL return 1 k v", "k"),
            ("EVAL return 0 v", "EVAL return 0 v", ""),
            ("XREAD COUNT 1 STREAMS s 0", "XREAD COUNT 1 STREAMS s 0", "s"),
            ("MEMORY usage k", "MEMORY USAGE k", "k"),
            ("PING", "PING", ""),
        ] {
            assert_eq!(shown(inline), (line.into(), key.into()));
        }
    }

    #[test]
    fn data_are_cut() {
        let data = "x".repeat(100);
        let (line, _) = shown(&format!("SET k {data}"));
        assert_eq!(line, format!("SET k {}", &data[..64]));
        let (line, key) = shown(&format!("GET {data}"));
        assert_eq!((line.len(), key.len()), (104, 64));
        let (line, _) = shown(&format!("MGET {}", "k ".repeat(150)));
        assert!(line.len() <= 200 && line.ends_with(" ..."), "{line}");
    }
}
