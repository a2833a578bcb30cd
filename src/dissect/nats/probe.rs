//! Whether bytes are NATS's: a line that begins with one of its operations and has the words that
//! the operation demands.

use super::super::framer::Head;
use super::super::{Direction, Opening, Probe};
use super::parse::{self, Operation, words};

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let whole = bytes.len();
    let bytes = if opening.port_hint { bytes } else { after_signals(bytes) };
    match parse::head(bytes) {
        Head::Bad => return Probe::No,
        Head::More => return Probe::Maybe(whole + 1),
        Head::Frame(_) => {}
    }
    let line = parse::line(bytes).unwrap_or_default();
    let Some(operation) = parse::operation(line) else { return Probe::No };
    if !is_formed(operation, line, opening.port_hint) {
        return Probe::No;
    }
    let way = operation.is_servers().map(|is_servers| match is_servers {
        true => Direction::ToClient,
        false => Direction::ToServer,
    });
    Probe::Yes(opening.sender.or(way))
}

/// What follows lines that other protocols have too: what comes next tells.
fn after_signals(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some(line) = parse::line(rest) {
        let is_signal = matches!(
            parse::operation(line),
            Some(Operation::Ping | Operation::Pong | Operation::Ok)
        );
        let after = rest.get(memchr::memchr(b'\n', rest).map_or(0, |end| end + 1)..);
        match after.filter(|after| is_signal && !after.is_empty()) {
            Some(after) => rest = after,
            None => break,
        }
    }
    rest
}

fn is_formed(operation: Operation, line: &[u8], hinted: bool) -> bool {
    let count = words(line).count();
    let json = |line: &[u8]| words(line).next().is_some_and(|word| word.starts_with(b"{"));
    match operation {
        Operation::Info | Operation::Connect => json(line),
        Operation::Pub => (2..=3).contains(&count),
        Operation::Hpub => (3..=4).contains(&count),
        Operation::Msg => (3..=4).contains(&count),
        Operation::Hmsg => (4..=5).contains(&count),
        Operation::Sub => (2..=3).contains(&count) && (hinted || line.starts_with(b"SUB ")),
        Operation::Unsub => (1..=2).contains(&count) && hinted,
        Operation::Err => words(line).next().is_some_and(|word| word.starts_with(b"'")),
        // Redis and others say so too.
        Operation::Ping | Operation::Pong | Operation::Ok => hinted && count == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (client, server) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, hinted, expected) in [
            (&b"INFO {\"server_id\":\"N\"}\r\n"[..], false, server),
            (b"CONNECT {}\r\n", false, client),
            (b"CONNECT a:1 HTTP/1.1\r\n", false, Probe::No),
            (b"PUB a 3\r\nabc\r\n", false, client),
            (b"MSG a 1 3\r\n", false, server),
            (b"PING\r\n", false, Probe::No),
            (b"PING\r\nPUB a 3\r\n", false, client),
            (b"PING\r\nPU", false, Probe::Maybe(9)),
            (b"PING\r\n", true, Probe::Yes(None)),
            (b"-ERR 'no'\r\n", false, server),
            (b"-ERR no\r\n", false, Probe::No),
            (b"INF", false, Probe::Maybe(4)),
            (b"POST", false, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
