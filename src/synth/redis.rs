//! Redis commands and replies -> bytes (RESP2).

/// What Redis says to commands that may use memory when it has none left.
pub const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// A command line as an array of bulk strings.
pub fn command(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&bulk(word));
    }
    text.into_bytes()
}

/// What a healthy server replies; `value` is what a key holds.
pub fn reply(line: &str, value: &str) -> Vec<u8> {
    match verb(line).as_str() {
        "GET" | "HGET" | "LPOP" | "RPOP" | "GETDEL" => bulk(value),
        "HGETALL" | "LRANGE" | "SMEMBERS" | "MGET" | "ZRANGE" => {
            format!("*2\r\n{}{}", bulk("sku-001"), bulk(value))
        }
        "DEL" | "EXPIRE" | "EXISTS" | "HSET" | "HDEL" | "SADD" | "SETNX" | "INCR" | "INCRBY"
        | "DECR" | "HINCRBY" | "LPUSH" | "RPUSH" | "ZADD" | "TTL" | "HLEN" => ":1\r\n".into(),
        "PING" => "+PONG\r\n".into(),
        _ => "+OK\r\n".into(),
    }
    .into_bytes()
}

pub fn error(text: &str) -> Vec<u8> {
    format!("-{text}\r\n").into_bytes()
}

/// Whether Redis flags the command `denyoom`.
pub fn needs_memory(line: &str) -> bool {
    matches!(
        verb(line).as_str(),
        "SET"
            | "SETEX"
            | "PSETEX"
            | "SETNX"
            | "MSET"
            | "APPEND"
            | "INCR"
            | "INCRBY"
            | "DECR"
            | "HSET"
            | "HMSET"
            | "HSETNX"
            | "HINCRBY"
            | "SADD"
            | "LPUSH"
            | "RPUSH"
            | "ZADD"
    )
}

fn verb(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}

fn bulk(word: &str) -> String {
    format!("${}\r\n{word}\r\n", word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes() {
        assert_eq!(command("GET cart:u1"), b"*2\r\n$3\r\nGET\r\n$7\r\ncart:u1\r\n");
        assert_eq!(reply("get cart:u1", "v"), b"$1\r\nv\r\n");
        assert_eq!(reply("SET a b", "v"), b"+OK\r\n");
        assert!(needs_memory("HSET cart:u1 a 1") && !needs_memory("DEL cart:u1"));
    }
}
