//! Throughput of each dissector, in bytes of payload per second on one core: an ordinary exchange
//! of its protocol, many times over on one connection, in segments of 1400 bytes. Handshakes of TLS
//! and QUIC are those of the fixtures, each on a connection of its own.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use pcapsule::capture::{Batch, SegmentReader};
use pcapsule::dissect::{Carrier, Direction, Feed, Mark, Output, PROTOCOLS, Protocol, Slice};
use pcapsule::limits::Limits;
use pcapsule::packet::decode;

use Direction::{ToClient, ToServer};

/// Makes the turns of the exchange of this number.
type Exchange = fn(usize) -> Turns;

/// Exchanges on one connection.
const EXCHANGES: usize = 200;
/// Payload of a segment.
const SEGMENT_BYTES: usize = 1400;

type Turns = Vec<(Direction, Vec<u8>)>;

/// A PostgreSQL message.
fn pg(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind][..], &(content.len() as u32 + 4).to_be_bytes(), content].concat()
}

fn postgresql(_: usize) -> Turns {
    let sql = b"s1\0SELECT id, name, note FROM orders WHERE customer = $1 AND state = 'open'\0\0\0";
    let bind = b"\0s1\0\0\0\0\x01\0\0\0\x0242\0\0";
    let ask =
        [pg(b'P', sql), pg(b'B', bind), pg(b'D', b"P\0"), pg(b'E', b"\0\0\0\0\0"), pg(b'S', b"")];
    let column = b"name\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
    let row = [&b"\0\x01\0\0\0\x78"[..], &[b'x'; 120]].concat();
    let mut answer =
        [pg(b'1', b""), pg(b'2', b""), pg(b'T', &[&b"\0\x01"[..], column].concat())].concat();
    (0..12).for_each(|_| answer.extend(pg(b'D', &row)));
    answer.extend([pg(b'C', b"SELECT 12\0"), pg(b'Z', b"I")].concat());
    vec![(ToServer, ask.concat()), (ToClient, answer)]
}

/// A MySQL packet.
fn my(sequence: u8, content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_le_bytes()[..3], &[sequence], content].concat()
}

fn mysql(_: usize) -> Turns {
    let ask =
        my(0, b"\x03SELECT id, name, note FROM orders WHERE customer = 42 AND state = 'open'");
    let column = b"\x03def\0\0\0\x04name\0\x0c\x3f\0\x0b\0\0\0\x03\0\0\0\0\0";
    let mut answer = [my(1, b"\x01"), my(2, column), my(3, b"\xfe\0\0\x02\0")].concat();
    (4..16).for_each(|n| answer.extend(my(n, &[&[120][..], &[b'x'; 120]].concat())));
    answer.extend(my(16, b"\xfe\0\0\x02\0"));
    vec![(ToServer, ask), (ToClient, answer)]
}

fn kafka(n: usize) -> Turns {
    let framed = |body: Vec<u8>| [&(body.len() as i32).to_be_bytes()[..], &body].concat();
    let id = (n as i32).to_be_bytes();
    let mut batch = vec![0; 1024];
    (batch[16], batch[60]) = (2, 9);
    let topic = b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03";
    let length = (batch.len() as i32).to_be_bytes();
    let head = [&b"\0\0\0\x07"[..], &id, b"\0\x03app\xff\xff\0\x01\0\0\x75\x30"].concat();
    let ask = framed([&head[..], topic, &length, &batch].concat());
    let answer = framed([&id[..], topic, b"\0\0", &[0; 24], b"\0\0\0\0"].concat());
    vec![(ToServer, ask), (ToClient, answer)]
}

fn mongodb(n: usize) -> Turns {
    let id = (n as i32 + 1).to_le_bytes();
    let message = |id: [u8; 4], to: [u8; 4], document: &[u8]| {
        let length = (document.len() as i32 + 21).to_le_bytes();
        [&length[..], &id, &to, b"\xdd\x07\0\0\0\0\0\0\0", document].concat()
    };
    let document =
        |content: &[u8]| [&(content.len() as i32 + 5).to_le_bytes()[..], content, b"\0"].concat();
    let ask = document(b"\x02find\0\x07\0\0\0orders\0\x02$db\0\x05\0\0\0shop\0");
    let text = [&b"\x02note\0\xc9\0\0\0"[..], &[b'x'; 200], b"\0"].concat();
    let batch: Vec<u8> = (0..6)
        .flat_map(|at| [&b"\x03"[..], &[b'0' + at], b"\0", &document(&text)].concat())
        .collect();
    let cursor = document(&[&b"\x04firstBatch\0"[..], &document(&batch)].concat());
    let answer =
        document(&[&b"\x03cursor\0"[..], &cursor, b"\x01ok\0\0\0\0\0\0\0\xf0\x3f"].concat());
    vec![(ToServer, message(id, [0; 4], &ask)), (ToClient, message([9; 4], id, &answer))]
}

fn memcached(_: usize) -> Turns {
    let value = [&b"VALUE session:42 0 800\r\n"[..], &[b'x'; 800], b"\r\nEND\r\n"].concat();
    vec![(ToServer, b"get session:42\r\n".to_vec()), (ToClient, value)]
}

fn nats(n: usize) -> Turns {
    let payload = "x".repeat(400);
    let ask = format!("PUB orders.get _INBOX.ab.{n} 400\r\n{payload}\r\n");
    let answer = format!("MSG _INBOX.ab.{n} 1 400\r\n{payload}\r\n");
    vec![(ToServer, ask.into_bytes()), (ToClient, answer.into_bytes())]
}

fn amqp(_: usize) -> Turns {
    let frame = |kind: u8, payload: &[u8]| {
        [&[kind, 0, 1][..], &(payload.len() as u32).to_be_bytes(), payload, b"\xce"].concat()
    };
    let header = frame(2, b"\0\x3c\0\0\0\0\0\0\0\0\x02\x58\0\0");
    let content = [header, frame(3, &[b'x'; 600])].concat();
    let publish = frame(1, b"\0\x3c\0\x28\0\0\x06events\x0aorders.new\0");
    let deliver = frame(1, b"\0\x3c\0\x3c\x02c1\0\0\0\0\0\0\0\x07\0\x06events\x0aorders.new");
    let ack = frame(1, b"\0\x3c\0\x50\0\0\0\0\0\0\0\x07\0");
    let turns = [publish, content.clone(), ack].concat();
    vec![(ToServer, turns), (ToClient, [deliver, content].concat())]
}

fn redis(_: usize) -> Turns {
    let ask = b"*2\r\n$3\r\nGET\r\n$10\r\nsession:42\r\n".to_vec();
    let answer = [&b"$400\r\n"[..], &[b'x'; 400], b"\r\n"].concat();
    vec![(ToServer, ask), (ToClient, answer)]
}

fn http1(_: usize) -> Turns {
    let ask = b"GET /orders/42 HTTP/1.1\r\nHost: shop\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
        .to_vec();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 800\r\n\r\n";
    vec![(ToServer, ask), (ToClient, [&head[..], &[b'x'; 800]].concat())]
}

/// A gRPC call, whose headers but the first's are named by their index.
fn http2(n: usize) -> Turns {
    let frame = |kind: u8, flags: u8, payload: &[u8]| {
        let stream = (2 * n as u32 + 1).to_be_bytes();
        [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags], &stream, payload].concat()
    };
    let field =
        |first: &[u8], value: &str| [first, &[value.len() as u8], value.as_bytes()].concat();
    let (preface, ask, answer, end) = match n {
        0 => (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            [
                vec![0x83, 0x86],
                field(b"\x44", "/shop.v1.Pricing/Convert"),
                field(b"\x41", "pricing.shop:50051"),
                field(b"\x5f", "application/grpc"),
                field(b"\x40\x02te", "trailers"),
                field(b"\x7a", "grpc-go/1.62.1"),
            ]
            .concat(),
            [vec![0x88], field(b"\x5f", "application/grpc")].concat(),
            field(b"\x40\x0bgrpc-status", "0"),
        ),
        _ => (vec![], b"\x83\x86\xc2\xc1\xc0\xbf\xbe".to_vec(), b"\x88\xbf".to_vec(), vec![0xbe]),
    };
    let id = field(b"\0\x0cx-request-id", &format!("{n:032x}"));
    let message = [&b"\0\0\0\x03\x20"[..], &[b'x'; 800]].concat();
    let ask = [preface, frame(1, 4, &[ask, id].concat()), frame(0, 1, &message)].concat();
    let answer = [frame(1, 4, &answer), frame(0, 0, &message), frame(1, 5, &end)].concat();
    vec![(ToServer, ask), (ToClient, answer)]
}

fn ws(_: usize) -> Turns {
    let text = b"{\"op\":\"tick\",\"price\":1234}".repeat(8);
    let masked: Vec<u8> = text.iter().map(|byte| byte ^ 0x5a).collect();
    let length = (text.len() as u16).to_be_bytes();
    let ask = [&b"\x81\xfe"[..], &length, &[0x5a; 4], &masked].concat();
    vec![(ToServer, ask), (ToClient, [&b"\x81\x7e"[..], &length, &text].concat())]
}

/// A lookup with four answers.
fn dns(n: usize) -> Turns {
    let id = (n as u16 + 1).to_be_bytes();
    let name = b"\x05redis\x04prod\x03svc\x07cluster\x05local\0\0\x01\0\x01";
    let ask = [&id[..], b"\x01\0\0\x01\0\0\0\0\0\0", name].concat();
    let answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x09".repeat(4);
    let answer = [&id[..], b"\x85\x80\0\x01\0\x04\0\0\0\0", name, &answer].concat();
    vec![(ToServer, ask), (ToClient, answer)]
}

/// What `ping` sends.
fn icmp(n: usize) -> Turns {
    let message = |kind: u8| {
        let sequence = (n as u16).to_be_bytes();
        [&[kind, 0, 0, 0, 0, 42][..], &sequence, &[b'x'; 56]].concat()
    };
    vec![(ToServer, message(8)), (ToClient, message(0))]
}

/// Answers to who offers printers.
fn mdns(_: usize) -> Turns {
    let record = b"\x04_ipp\x04_tcp\x05local\0\0\x0c\x80\x01\0\0\x11\x94\0\x06\x03hal\xc0\x0c";
    vec![(ToServer, [&b"\0\0\x84\0\0\0\0\x01\0\0\0\0"[..], record].concat())]
}

/// The first connection to `port` in a fixture's capture.
fn recorded(fixture: &str, port: u16) -> Turns {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
    let limits = Limits::default();
    let mut reader = SegmentReader::open(&path.join("capture.pcap.zst")).expect("a fixture");
    let (mut batch, mut turns, mut key) = (Batch::default(), Turns::new(), None);
    while reader.next_batch(&mut batch, limits.batch_bytes, &limits) {
        for record in &batch.records {
            let decoded = decode(&batch, record, 0, &limits);
            let Some(packet) = decoded.packet().filter(|packet| packet.payload_len > 0) else {
                continue;
            };
            let to_server = packet.key.end(packet.from.other()).port == port;
            if *key.get_or_insert(packet.key) == packet.key {
                let way = if to_server { ToServer } else { ToClient };
                turns.push((way, packet.payload(&batch).to_vec()));
            }
        }
    }
    turns
}

fn tls(_: usize) -> Turns {
    recorded("tls/handshakes", 9443)
}

/// The handshake, and as many packets behind it as one page takes.
fn quic(_: usize) -> Turns {
    let page = (0..40).map(|_| (ToClient, [&[0x41][..], &[b'x'; 1199]].concat()));
    recorded("quic/handshakes", 4433).into_iter().chain(page).collect()
}

/// A dissector fed the way the analysis does: what is unread comes again with more behind it.
fn play(protocol: &Protocol, carrier: Carrier, turns: &Turns, limits: &Limits) -> usize {
    let mut dissector = (protocol.start)(carrier, limits);
    let (mut output, mut messages) = (Output::default(), 0);
    let mut unread = [Vec::new(), Vec::new()];
    for (direction, bytes) in turns {
        if carrier != Carrier::Stream {
            feed(&mut *dissector, *direction, bytes, &mut output);
            messages += output.messages.drain(..).count();
            continue;
        }
        for segment in bytes.chunks(SEGMENT_BYTES) {
            let held = &mut unread[direction.index()];
            let taken = match held.is_empty() {
                true => feed(&mut *dissector, *direction, segment, &mut output),
                false => 0,
            };
            if taken < segment.len() {
                held.extend_from_slice(&segment[taken..]);
                if held.len() > segment.len() - taken {
                    let taken = feed(&mut *dissector, *direction, held, &mut output);
                    held.drain(..taken);
                }
            }
            messages += output.messages.drain(..).count();
        }
    }
    messages
}

fn feed(
    dissector: &mut dyn pcapsule::dissect::Dissector,
    direction: Direction,
    bytes: &[u8],
    output: &mut Output,
) -> usize {
    let marks = [(0, Mark::default())];
    match dissector.feed(Slice { direction, bytes, marks: &marks }, output) {
        Feed::Taken(taken) => taken,
        Feed::GiveUp(kind) => panic!("gave up: {}", kind.name()),
    }
}

/// A dissector's name, its ordinary exchange, and how many there are on one connection.
const EXCHANGE: &[(&str, Exchange, usize)] = &[
    ("http1", http1, EXCHANGES),
    ("http2", http2, EXCHANGES),
    ("ws", ws, EXCHANGES),
    ("redis", redis, EXCHANGES),
    ("postgresql", postgresql, EXCHANGES),
    ("mysql", mysql, EXCHANGES),
    ("kafka", kafka, EXCHANGES),
    ("mongodb", mongodb, EXCHANGES),
    ("memcached", memcached, EXCHANGES),
    ("nats", nats, EXCHANGES),
    ("amqp", amqp, EXCHANGES),
    ("dns", dns, EXCHANGES),
    ("mdns", mdns, EXCHANGES),
    ("icmp", icmp, EXCHANGES),
    ("tls", tls, 1),
    ("quic", quic, 1),
];

fn dissectors(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("dissect");
    for (name, exchange, count) in EXCHANGE {
        let protocol = PROTOCOLS.iter().find(|p| p.name == *name).expect("it is in the table");
        // Datagrams where the protocol has both.
        let carrier = *protocol.carriers.last().expect("it has a carrier");
        let turns: Turns = (0..*count).flat_map(exchange).collect();
        let messages = play(protocol, carrier, &turns, &limits);
        assert!(messages >= *count, "{name} finds its messages");
        group.throughput(Throughput::Bytes(turns.iter().map(|(_, b)| b.len() as u64).sum()));
        group.bench_function(*name, |b| b.iter(|| play(protocol, carrier, &turns, &limits)));
    }
    group.finish();
}

criterion_group!(benches, dissectors);
criterion_main!(benches);
