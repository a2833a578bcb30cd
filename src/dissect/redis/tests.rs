use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// A pipeline, a big value, an error, a transaction and a null.
pub const SAMPLE: Sample = &[
    (ToServer, b"*3\r\n$3\r\nSET\r\n$6\r\ncart:1\r\n$12\r\n{\"items\":[]}\r\n*2\r\n$3\r\nGET\r\n$6\r\ncart:1\r\n"),
    (ToClient, b"+OK\r\n$12\r\n{\"items\":[]}\r\n"),
    (ToServer, b"*4\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\nv\r\n"),
    (ToClient, b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    (ToServer, b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n"),
    (ToClient, b"+OK\r\n+QUEUED\r\n*1\r\n:7\r\n"),
    (ToServer, b"*2\r\n$3\r\nGET\r\n$4\r\nnone\r\n"),
    (ToClient, b"$-1\r\n"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

/// A command as clients send it.
fn command(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut bytes = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| bytes += &format!("${}\r\n{word}\r\n", word.len()));
    bytes.into_bytes()
}

#[test]
fn the_sample() {
    let driver = play(&PROTOCOL, Carrier::Stream, SAMPLE);
    assert_eq!(
        driver.brief(),
        [
            "SET", "GET", "= ", "= ", "HSET", "= OOM", "MULTI", "INCR", "EXEC", "= ", "= ", "= ",
            "GET", "= "
        ]
    );
    let set = shown(&driver.out.messages[0]);
    assert!(set.contains("redis_command=\"SET cart:1 {\\\"items\\\":[]}\""), "{set}");
    assert!(set.contains("redis_key=\"cart:1\"") && set.contains("redis_request_size=44"), "{set}");
    let oom = &driver.out.messages[5];
    assert_eq!((oom.outcome, oom.error.as_str()), (Outcome::ServerError, "OOM"));
    assert!(shown(oom).contains("redis_error_message=\"OOM command not allowed"));
    assert!(driver.shown()[13].contains("redis_response_type=\"null\""));
    let exec = &driver.out.messages[8];
    assert_eq!((exec.first.packet.frame, exec.last.packet.frame), (5, 5));
}

#[test]
fn outcomes() {
    for (reply, error, outcome) in [
        ("-MOVED 3999 10.0.0.1:6381", "MOVED", Outcome::Ok),
        ("-READONLY You can't write", "READONLY", Outcome::ServerError),
        ("-WRONGTYPE Operation", "WRONGTYPE", Outcome::ClientError),
        ("-something odd", "ERR", Outcome::ClientError),
        ("!21\r\nSYNTAX invalid syntax", "SYNTAX", Outcome::ClientError),
        (":1", "", Outcome::Ok),
    ] {
        let mut driver = driver();
        driver
            .packet(ToServer, &command("GET a"))
            .packet(ToClient, format!("{reply}\r\n").as_bytes());
        let message = &driver.out.messages[1];
        assert_eq!((message.error.as_str(), message.outcome), (error, outcome), "{reply}");
    }
}

#[test]
fn secrets_are_masked() {
    for (line, stored) in [
        ("AUTH hunter2", "AUTH <masked 7 bytes>"),
        ("HELLO 3 AUTH bob hunter2", "HELLO 3 AUTH bob <masked 7 bytes>"),
    ] {
        let mut driver = driver();
        driver.packet(ToServer, &command(line));
        let shown = driver.shown().concat();
        assert!(shown.contains(stored) && !shown.contains("hunter2"), "{shown}");
    }
    let limits = Limits { show_secrets: true, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver.packet(ToServer, &command("AUTH hunter2"));
    assert!(driver.shown()[0].contains("AUTH hunter2"));
}

#[test]
fn pub_sub_messages_stand_alone() {
    let mut driver = driver();
    driver.packet(ToServer, &command("SUBSCRIBE a b"));
    driver.packet(
        ToClient,
        b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n",
    );
    driver.packet(ToClient, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    driver.packet(ToServer, &command("PING"));
    driver.packet(ToClient, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    assert_eq!(driver.brief(), ["SUBSCRIBE", "= ", "> SUBSCRIBE", "> MESSAGE", "PING", "= "]);
    assert!(driver.shown()[3].contains("redis_key=\"a\""));
}

#[test]
fn pushes_stand_alone() {
    let mut driver = driver();
    driver.packet(ToServer, &command("GET a"));
    driver.packet(ToClient, b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_eq!(driver.brief(), ["GET", "> INVALIDATE", "= "]);
    let mut driver = self::driver();
    driver.packet(ToServer, &command("MONITOR"));
    driver.packet(ToClient, b"+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"\r\n");
    assert_eq!(driver.brief(), ["MONITOR", "= ", "> MONITOR"]);
}

#[test]
fn unanswered_on_purpose() {
    let mut driver = driver();
    for line in
        ["CLIENT REPLY OFF", "SET a 1", "CLIENT REPLY ON", "CLIENT REPLY SKIP", "SET b 1", "GET a"]
    {
        driver.packet(ToServer, &command(line));
    }
    assert_eq!(driver.brief(), ["> CLIENT", "> SET", "CLIENT", "> CLIENT", "> SET", "GET"]);
}

#[test]
fn replication_is_passed_over() {
    let mut driver = driver();
    driver.packet(ToServer, &command("PSYNC ? -1"));
    driver
        .packet(ToClient, b"+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 0\r\n$4\r\nREDI");
    driver.packet(ToClient, &command("SET a 1")).end();
    assert_eq!(driver.brief(), ["PSYNC", "= "]);
    assert_eq!(driver.anomalies(), []);
}

#[test]
fn starts_with_replies_and_goes_the_other_way() {
    let mut driver = driver();
    driver.packet(ToServer, b"$2\r\nok\r\n").packet(ToClient, &command("GET a"));
    driver.packet(ToServer, b"$-1\r\n");
    assert_eq!(driver.brief(), ["= ", "GET", "= "]);
    let mut driver = self::driver();
    driver.packet(ToClient, &command("GET a")).packet(ToServer, b"*1\r\n$1\r\nx\r\n");
    assert_eq!(driver.brief(), ["GET", "= "]);
    assert_eq!(driver.out.messages[0].direction, ToClient);
}

#[test]
fn inline_commands() {
    let mut driver = driver();
    driver.packet(ToServer, b"PING\r\nset a  1\n\r\n").packet(ToClient, b"+PONG\r\n+OK\r\n");
    assert_eq!(driver.brief(), ["PING", "SET", "= ", "= "]);
    assert!(driver.shown()[1].contains("redis_command=\"SET a 1\""));
}

#[test]
fn losses_inside_of_values() {
    let mut driver = driver();
    driver.packet(ToServer, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20\r\n0123").gap(ToServer, 10);
    driver.packet(ToServer, b"456789\r\n*1\r\n$4\r\nPING\r\n");
    assert_eq!(driver.brief(), ["SET", "PING"]);
    let mut driver = self::driver();
    driver.packet(ToServer, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20\r\n0123").gap(ToServer, 100);
    driver.packet(ToServer, b"tail\r\n").packet(ToServer, &command("PING"));
    assert_eq!(driver.brief(), ["SET", "PING"]);
}

#[test]
fn limits_are_anomalies() {
    let limits = Limits { redis_depth_max: 2, redis_elements_max: 2, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver
        .packet(ToClient, b"*3\r\n:1\r\n:2\r\n:3\r\n")
        .packet(ToClient, b"*1\r\n*1\r\n*1\r\n:1\r\n");
    driver.packet(ToClient, b"+OK\r\n");
    assert_eq!(driver.anomalies(), [AnomalyKind::RedisLimit; 2]);
    assert_eq!(driver.brief(), ["= ", "= ", "= "]);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"\x16\x03\x01\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::RedisMalformed));
    let mut driver = self::driver();
    driver
        .packet(ToClient, b"+OK\r\n")
        .packet(ToClient, b"\x00\x01\n")
        .packet(ToClient, b"+OK\r\n");
    assert_eq!(driver.brief(), ["= ", "= "]);
    assert_eq!(driver.anomalies(), [AnomalyKind::RedisMalformed]);
}

#[test]
fn a_failure_inside_a_transaction_is_told() {
    let mut driver = driver();
    driver.packet(ToServer, b"*1\r\n$4\r\nEXEC\r\n");
    driver.packet(ToClient, b"*3\r\n+OK\r\n-WRONGTYPE no list\r\n-ERR other\r\n");
    let exec = &driver.out.messages[1];
    assert_eq!((exec.error.as_str(), exec.outcome), ("WRONGTYPE", Outcome::ClientError));
    // A transaction that was watched and lost is none.
    driver.packet(ToServer, b"*1\r\n$4\r\nEXEC\r\n").packet(ToClient, b"*-1\r\n");
    assert_eq!(driver.out.messages[3].error, "");
}

#[test]
fn attributes_and_streams_of_resp3() {
    let mut driver = driver();
    driver.packet(ToServer, &[command("HELLO 3"), command("LRANGE l 0 -1")].concat());
    driver
        .packet(ToClient, b"%1\r\n+server\r\n+redis\r\n|1\r\n+popularity\r\n,0.5\r\n*?\r\n$?\r\n");
    driver.packet(ToClient, b";3\r\nabc\r\n;0\r\n%?\r\n+k\r\n_\r\n.\r\n.\r\n");
    assert_eq!(driver.brief(), ["HELLO", "LRANGE", "= ", "= "]);
    let lines = driver.shown();
    assert!(lines[2].contains("redis_response_type=\"map\""), "{lines:?}");
    assert!(lines[3].contains("redis_response_type=\"array\""), "{lines:?}");
}
