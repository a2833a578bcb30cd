//! The captures against the truth, read back with parsers that are not ours.

use super::scenario::{Fault, FaultKind, Span};
use super::*;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incidents/redis-oom");

fn seconds(seconds: f64) -> Span {
    Span((seconds * 1e9) as i64)
}

/// The built-in shop, shortened; a fault of the scenario's own is left out.
fn shop(length: f64) -> Scenario {
    let mut scenario = Scenario::load("healthy").unwrap();
    scenario.duration = seconds(length);
    scenario.capture.level = 1;
    scenario
}

fn fault(kind: FaultKind, service: &str) -> Fault {
    Fault {
        kind,
        service: service.into(),
        from: seconds(2.0),
        until: Some(seconds(6.0)),
        probability: 1.0,
        status: (kind == FaultKind::Errors).then_some(503),
        delay: (kind == FaultKind::Latency).then_some(seconds(3.5)),
    }
}

/// A frame of a capture file.
struct Frame {
    node: String,
    ts_ns: i64,
    bytes: Vec<u8>,
}

/// The interesting parts of a TCP or UDP packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    flow: (String, u16, String, u16),
    tcp: bool,
    seq: u32,
    flags: (bool, bool, bool),
    ip_id: u16,
    payload: Vec<u8>,
}

impl Frame {
    /// Decodes the frame and checks its checksums.
    fn packet(&self) -> Packet {
        let sliced = SlicedPacket::from_ethernet(&self.bytes).unwrap();
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("not IPv4") };
        let header = ip.header().to_header();
        assert_eq!(header.header_checksum, header.calc_header_checksum());
        let (src, dst) = (header.source, header.destination);
        let name = |ip: [u8; 4]| std::net::Ipv4Addr::from(ip).to_string();
        let ip_id = header.identification;
        match sliced.transport.unwrap() {
            TransportSlice::Tcp(tcp) => {
                assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(src, dst).unwrap());
                Packet {
                    flow: (name(src), tcp.source_port(), name(dst), tcp.destination_port()),
                    tcp: true,
                    seq: tcp.sequence_number(),
                    flags: (tcp.syn(), tcp.fin(), tcp.rst()),
                    ip_id,
                    payload: tcp.payload().to_vec(),
                }
            }
            TransportSlice::Udp(udp) => {
                let sum = udp.to_header().calc_checksum_ipv4_raw(src, dst, udp.payload());
                assert_eq!(udp.checksum(), sum.unwrap());
                Packet {
                    flow: (name(src), udp.source_port(), name(dst), udp.destination_port()),
                    tcp: false,
                    seq: 0,
                    flags: (false, false, false),
                    ip_id,
                    payload: udp.payload().to_vec(),
                }
            }
            _ => panic!("neither TCP nor UDP"),
        }
    }
}

fn segments(directory: &Path, truth_nodes: &BTreeMap<String, u64>) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for node in truth_nodes.keys() {
        let vantage = directory.join(node).join(network::VANTAGE);
        for entry in std::fs::read_dir(vantage).into_iter().flatten() {
            found.push((node.clone(), entry.unwrap().path()));
        }
    }
    found
}

fn frames(directory: &Path, truth: &Truth) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (node, path) in segments(directory, &truth.packets) {
        let bytes = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
        let mut rest = &bytes[24..];
        while let Some((header, after)) = rest.split_at_checked(16) {
            let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
            let (data, after) = after.split_at(word(8) as usize);
            let ts_ns = i64::from(word(0)) * 1_000_000_000 + i64::from(word(4));
            frames.push(Frame { node: node.clone(), ts_ns, bytes: data.into() });
            rest = after;
        }
        assert!(rest.is_empty());
    }
    frames
}

/// Generates into a folder that goes away with the first value.
fn play(scenario: &Scenario) -> (tempfile::TempDir, Truth, Vec<Frame>) {
    let directory = tempfile::tempdir().unwrap();
    let truth = scenario.generate(directory.path()).unwrap();
    let frames = frames(directory.path(), &truth);
    (directory, truth, frames)
}

#[test]
fn builtin_scenarios_hold_together() {
    let names: Vec<_> = builtin().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, BUILTIN.map(|(name, _)| name));
    for name in names {
        assert_eq!(Scenario::load(name).unwrap().name, name);
    }
}

#[test]
fn same_scenario_same_bytes() {
    let all = |directory: &Path, truth: &Truth| {
        let mut files = segments(directory, &truth.packets);
        files.extend(["cluster.json", "truth.json"].map(|f| (f.into(), directory.join(f))));
        let read = |(name, path): (String, PathBuf)| {
            (name, path.file_name().unwrap().to_owned(), std::fs::read(&path).unwrap())
        };
        files.into_iter().map(read).collect::<Vec<_>>()
    };
    let scenario = shop(4.0);
    let (first, truth, _) = play(&scenario);
    let files = all(first.path(), &truth);
    let (second, _, _) = play(&scenario);
    assert!(files == all(second.path(), &truth));
    scenario.generate(first.path()).unwrap();
    assert!(files == all(first.path(), &truth), "in place of an earlier result");
    let (third, truth, _) = play(&Scenario { seed: 5, ..scenario });
    assert!(files != all(third.path(), &truth));
}

#[test]
fn the_fixture_is_what_the_scenario_makes() {
    let mut scenario = Scenario::load("redis-oom").unwrap();
    scenario.capture.level = 1;
    let directory = tempfile::tempdir().unwrap();
    let truth = scenario.generate(directory.path()).unwrap();
    let fixture = Path::new(FIXTURE);
    let content = |directory: &Path| {
        let read = |(node, path): (String, PathBuf)| {
            let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
            (node, path.file_name().unwrap().to_owned(), bytes)
        };
        segments(directory, &truth.packets).into_iter().map(read).collect::<Vec<_>>()
    };
    let advice = "run pcapsule synth redis-oom -o fixtures/incidents/redis-oom";
    assert!(content(fixture) == content(directory.path()), "captures differ: {advice}");
    for file in ["cluster.json", "truth.json"] {
        let read = |directory: &Path| std::fs::read_to_string(directory.join(file)).unwrap();
        assert!(read(fixture) == read(directory.path()), "{file} differs: {advice}");
    }
}

#[test]
fn the_fixture_expects_what_the_truth_says() {
    #[derive(serde::Deserialize)]
    struct Case {
        expect: Vec<Expectation>,
    }
    #[derive(serde::Deserialize)]
    struct Expectation {
        kfl: String,
        count: u64,
    }
    let read = |file: &str| std::fs::read_to_string(Path::new(FIXTURE).join(file)).unwrap();
    let case: Case = serde_yaml::from_str(&read("case.yaml")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&read("truth.json")).unwrap();
    let places = [
        ("http", "/protocols/http_requests"),
        ("http && status_code == 0", "/protocols/http_status/0"),
        ("http && status_code == 404", "/protocols/http_status/404"),
        ("http && status_code == 500", "/protocols/http_status/500"),
        ("http && status_code == 502", "/protocols/http_status/502"),
        ("http && status_code == 503", "/protocols/http_status/503"),
        (r#"http && dst.service.name == "cart""#, "/services/cart/requests"),
        (
            r#"http && dst.service.name == "cart" && status_code == 500"#,
            "/services/cart/status/500",
        ),
        (
            r#"http && dst.service.name == "frontend" && status_code >= 500"#,
            "/services/frontend/failed",
        ),
        (r#"http && host == "api.stripe.com""#, "/services/api.stripe.com/requests"),
        ("redis", "/protocols/redis_commands"),
        (r#"redis && redis_error.startsWith("OOM")"#, "/protocols/redis_errors"),
        (r#"redis && redis_type == "SET""#, "/services/payment/requests"),
        ("dns", "/protocols/dns_queries"),
        ("dns && dns_response && status_code == 3", "/protocols/dns_rcode/NXDOMAIN"),
        ("tcp_conn", "/protocols/tcp_conns"),
    ];
    let found: Vec<_> = case.expect.iter().map(|e| (e.kfl.as_str(), e.count)).collect();
    let told = |place: &str| truth.pointer(place).and_then(|value| value.as_u64()).unwrap_or(0);
    assert_eq!(found, places.map(|(kfl, place)| (kfl, told(place))));
}

#[test]
fn packets_are_sound_and_nothing_is_missing() {
    let (_directory, truth, frames) = play(&shop(8.0));
    let mut packets: BTreeMap<String, u64> = BTreeMap::new();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let mut next = BTreeMap::new();
    for frame in &frames {
        *packets.entry(frame.node.clone()).or_default() += 1;
        let last = last.entry(frame.node.clone()).or_insert(i64::MIN);
        assert!(*last <= frame.ts_ns, "times go backwards");
        *last = frame.ts_ns;
        let packet = frame.packet();
        if packet.tcp {
            let (syn, fin, _) = packet.flags;
            let counted = packet.payload.len() as u32 + u32::from(syn) + u32::from(fin);
            let after = packet.seq.wrapping_add(counted);
            let expected = next.insert((frame.node.clone(), packet.flow.clone()), after);
            assert!(expected.is_none_or(|expected| expected == packet.seq), "{packet:?}");
            assert!(expected.is_some() || syn, "no mid-stream start");
        }
    }
    assert_eq!(packets, truth.packets);
}

#[test]
fn counts_are_those_of_the_captures() {
    let mut scenario = shop(8.0);
    scenario.faults = vec![fault(FaultKind::RedisOom, "redis")];
    let (_directory, truth, frames) = play(&scenario);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut status: BTreeMap<String, u64> = BTreeMap::new();
    for frame in &frames {
        let packet = frame.packet();
        let (src, src_port, dst, dst_port) = &packet.flow;
        // Each packet once: at its sender's node, or the only one there is.
        let home = truth.pods.values().find(|pod| pod.ip == *src);
        let home = home.or_else(|| truth.pods.values().find(|pod| pod.ip == *dst)).unwrap();
        if home.node != frame.node {
            continue;
        }
        let text = String::from_utf8_lossy(&packet.payload);
        let mut count = |name| *counts.entry(name).or_default() += 1;
        if packet.flags.0 && *dst_port < 32_768 {
            count("conns");
        } else if text.starts_with("HTTP/1.1 ") {
            count("responses");
            *status.entry(text[9..12].into()).or_default() += 1;
        } else if text.contains(" HTTP/1.1\r\n") {
            count("requests");
        } else if *dst_port == 6379 && !text.is_empty() {
            count("commands");
        } else if *src_port == 6379 && text.starts_with("-OOM") {
            count("errors");
        } else if *dst_port == 53 {
            count("queries");
        } else if *src_port == 53 {
            count("answers");
        }
    }
    let protocols = &truth.protocols;
    let expected = [
        ("answers", protocols.dns_responses),
        ("commands", protocols.redis_commands),
        ("conns", protocols.tcp_conns),
        ("errors", protocols.redis_errors),
        ("queries", protocols.dns_queries),
        ("requests", protocols.http_requests),
        ("responses", protocols.http_responses),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(status, protocols.http_status);
    assert!(protocols.redis_errors > 10);
    assert_eq!(truth.services["frontend"].requests, truth.requests_total);
}

#[test]
fn clocks_are_off_by_their_skew() {
    let (_directory, truth, frames) = play(&shop(3.0));
    let mut seen: BTreeMap<Packet, Vec<(String, i64)>> = BTreeMap::new();
    for frame in &frames {
        let true_time = frame.ts_ns - truth.clock_skew_ns[&frame.node];
        seen.entry(frame.packet()).or_default().push((frame.node.clone(), true_time));
    }
    let mut twice = 0;
    for (packet, times) in seen.iter().filter(|(_, times)| times.len() > 1) {
        let [(node, time), (other, again)] = &times[..] else { panic!("{packet:?}") };
        assert_ne!(node, other);
        assert!((time - again).abs() < 400_000, "{packet:?} {times:?}");
        twice += 1;
    }
    assert!(twice > 100);
    assert!(truth.clock_skew_ns.values().collect::<BTreeSet<_>>().len() > 1);
}

#[test]
fn redis_oom_goes_up_the_chain() {
    let mut scenario = shop(8.0);
    scenario.faults = vec![fault(FaultKind::RedisOom, "redis")];
    let truth = play(&scenario).1;
    assert_eq!(truth.root_cause.as_ref().unwrap().name, "redis");
    let order = |name: &str| truth.cascade.iter().find(|c| c.service == name).unwrap();
    for (below, above) in
        [("redis", "cart"), ("redis", "payment"), ("payment", "checkout"), ("checkout", "frontend")]
    {
        let (below, above) = (order(below), order(above));
        assert!(below.first_utc_ns <= above.first_utc_ns || above.service == "frontend");
        assert_eq!(above.symptom, "failed");
    }
    assert_eq!(truth.cascade[0].service, "redis");
    assert_eq!(truth.affected_endpoints, ["POST /cart", "POST /checkout"]);
    assert_eq!(truth.onset_utc_ns, Some(scenario.start.0 + 2_000_000_000));
    assert_eq!(truth.counts.per_phase["during"].status[&503], truth.protocols.redis_errors);
    assert!(!truth.counts.per_phase["after"].status.contains_key(&503));
}

#[test]
fn every_fault_shows() {
    use FaultKind::*;
    type Shows = fn(&Truth) -> bool;
    let cases: [(FaultKind, &str, Shows); 7] = [
        (Errors, "catalog", |t| t.services["catalog"].status["503"] > 10),
        (Latency, "catalog", |t| t.cascade[0].error.as_deref() == Some("catalog: timed out")),
        (Refuse, "cart", |t| t.protocols.tcp_refused > 10),
        (Drop, "cart", |t| {
            t.protocols.tcp_unanswered > 10
                && t.protocols.http_responses < t.protocols.http_requests
        }),
        (Drop, "api.stripe.com", |t| t.root_cause.as_ref().unwrap().kind == "external"),
        (DnsServfail, "coredns", |t| t.protocols.dns_rcode["SERVFAIL"] > 10),
        (DnsTimeout, "coredns", |t| t.protocols.dns_responses + 10 < t.protocols.dns_queries),
    ];
    for (kind, service, shows) in cases {
        let mut scenario = shop(8.0);
        // Names are looked up for new connections only.
        scenario.pool.recycle = if service == "coredns" { 5 } else { 50 };
        scenario.faults = vec![fault(kind, service)];
        let (_directory, truth, frames) = play(&scenario);
        assert!(shows(&truth), "{kind:?}: {:?} {:?}", truth.protocols, truth.cascade);
        assert_eq!(truth.cascade[0].service, service, "{kind:?}: {:?}", truth.cascade);
        assert!(truth.cascade[0].first_utc_ns >= truth.onset_utc_ns.unwrap());
        let during = &truth.counts.per_phase["during"];
        // Four seconds of silence are within what resolvers and callees are given.
        let hurt = during.failed > 5 || during.p50_ms > 1000.0 || during.p95_ms > 3000.0;
        assert!(hurt, "{kind:?}: {during:?}");
        assert!(truth.affected_endpoints.len() > usize::from(kind != Drop || service == "cart"));
        assert!(truth.counts.per_phase["before"].failed < 3, "{kind:?}");
        frames.iter().for_each(|frame| drop(frame.packet()));
    }
}

#[test]
fn lost_segments_are_sent_again_and_lost_frames_are_not() {
    let payloads = |frames: &[Frame]| {
        let sent = frames.iter().map(|frame| (&frame.node, frame.packet()));
        let sent = sent.filter(|(_, packet)| packet.tcp && !packet.payload.is_empty());
        sent.map(|(node, packet)| (node.clone(), packet.flow, packet.seq)).collect::<Vec<_>>()
    };
    let clean = shop(4.0);
    let (_directory, truth, frames) = play(&clean);
    let all = payloads(&frames);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());

    let mut lossy = clean.clone();
    lossy.network.retransmit = 0.05;
    let (_directory, retransmitted, frames) = play(&lossy);
    let all = payloads(&frames);
    assert!(all.iter().collect::<BTreeSet<_>>().len() + 10 < all.len());
    assert_eq!(retransmitted.protocols.http_requests, retransmitted.protocols.http_responses);
    assert_eq!(retransmitted.requests_total, truth.requests_total);

    let mut lossy = clean;
    lossy.capture.loss = BTreeMap::from([("node-a".into(), 0.2)]);
    lossy.capture.snaplen = 100;
    let (_directory, captured, frames) = play(&lossy);
    assert!(captured.packets["node-a"] * 10 < truth.packets["node-a"] * 9);
    assert_eq!(captured.packets["node-c"], truth.packets["node-c"]);
    assert!(captured.protocols.http_requests < truth.protocols.http_requests);
    assert_eq!(captured.counts.overall.status, truth.counts.overall.status);
    assert_eq!(frames.iter().map(|frame| frame.bytes.len()).max(), Some(100));
}

#[test]
fn trace_headers_can_be_off() {
    let texts = |frames: &[Frame]| {
        frames.iter().filter(|f| String::from_utf8_lossy(&f.bytes).contains("traceparent")).count()
    };
    let mut scenario = shop(2.0);
    assert!(texts(&play(&scenario).2) > 10);
    scenario.trace_headers = false;
    assert_eq!(texts(&play(&scenario).2), 0);
}

#[test]
fn cluster_names_every_pod() {
    let (directory, truth, _) = play(&shop(1.0));
    let text = std::fs::read_to_string(directory.path().join("cluster.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kind = |kind: &str| -> Vec<&serde_json::Value> {
        list["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).collect()
    };
    let sets: Vec<_> = kind("ReplicaSet").iter().map(|set| &set["metadata"]["uid"]).collect();
    let pods = kind("Pod");
    assert_eq!(pods.len(), truth.pods.len());
    for pod in pods {
        let told = &truth.pods[pod["metadata"]["name"].as_str().unwrap()];
        assert_eq!(pod["status"]["podIP"], told.ip);
        assert_eq!(pod["spec"]["nodeName"], told.node);
        assert!(sets.contains(&&pod["metadata"]["ownerReferences"][0]["uid"]));
    }
    assert_eq!(kind("Node").len(), 3);
    assert_eq!(kind("Service").len(), kind("EndpointSlice").len());
    let slice = |name: &str| {
        let of = |slice: &&&serde_json::Value| {
            slice["metadata"]["labels"]["kubernetes.io/service-name"] == name
        };
        kind("EndpointSlice").iter().find(of).unwrap()["endpoints"].as_array().unwrap().len()
    };
    assert_eq!((slice("cart"), slice("kube-dns")), (2, 1));
}

#[test]
fn errors_name_the_place() {
    let text = BUILTIN[1].1;
    let cases = [
        ("duration: 60s", "durtion: 60s", "x.yaml:7:1: unknown field `durtion`"),
        ("duration: 60s", "duration: 60", "x.yaml:3:1: \"60\" is no duration"),
        ("to: cart, operation: POST", "to: carrt, operation: POST", ""),
        (
            "to: catalog, operation: GET /items,",
            "to: catalogue, operation: GET /items,",
            "x.yaml:30: service \"frontend\", endpoint \"GET /products\": no service \"catalogue\"",
        ),
        ("kind: redis_oom", "kind: redis_omm", "x.yaml:144:12: faults[0].kind: unknown variant"),
        ("service: redis, from", "service: cart, from", "x.yaml:144: fault redis_oom of \"cart\""),
        ("rate: 20\n", "rate: -1\n", "x.yaml:134: load \"loadgen\": rate must be"),
        ("until: 48s", "until: 5s", "from must be before until"),
        ("nodes: [node-b]", "nodes: [node-z]", "no node \"node-z\"; there is node-a, node-b"),
        ("protocol: dns", "protocol: redis", "exactly one must have protocol dns"),
        ("status: 404, rate: 0.04", "status: 404, rate: 4", "rate must be between 0 and 1"),
        ("jitter: 0.15", "jitter: .nan", "network: jitter must be between 0 and 1"),
        (
            "        response_bytes: 900\n        calls: [{to: catalog, operation: GET /items",
            "        calls: [{to: frontend, operation: GET /products",
            "calls go in a circle",
        ),
    ];
    for (from, to, expected) in cases {
        let changed = text.replacen(from, to, 1);
        match Scenario::parse("x.yaml", &changed) {
            Err(error) => {
                let error = error.to_string();
                assert!(!expected.is_empty() && error.contains(expected), "{to}: {error}");
            }
            Ok(_) => assert!(expected.is_empty() && changed == text, "{to} is taken"),
        }
    }
    let error = Scenario::load("no-such").unwrap_err().to_string();
    assert!(error.contains("no-such") && error.contains("redis-oom"), "{error}");
}

#[test]
fn captures_of_others_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let vantage = directory.path().join("node-b").join(network::VANTAGE);
    std::fs::create_dir_all(&vantage).unwrap();
    std::fs::write(vantage.join("x.pcap.zst"), b"precious").unwrap();
    let error = shop(1.0).generate(directory.path()).unwrap_err().to_string();
    assert!(error.contains("node-b") && error.contains("choose another"), "{error}");
    assert!(vantage.join("x.pcap.zst").exists());
}
