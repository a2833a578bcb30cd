use std::cell::OnceCell;
use std::path::Path;

use super::frames::{Dice, frame};
use super::oracle::{self, Bpf};
use super::*;

const CORPUS: &str = include_str!("corpus.txt");

/// Link types and how many frames of each are compared.
const LINKS: [(u16, usize); 9] = [
    (1, 6000),
    (101, 1500),
    (113, 1500),
    (276, 1500),
    (0, 1000),
    (108, 1000),
    (228, 500),
    (229, 500),
    (9, 1000),
];

/// Lines of the corpus without a mark, or those with it.
fn corpus(mark: Option<&str>) -> Vec<&'static str> {
    let lines = CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| match mark {
            Some(mark) => line.strip_prefix(mark),
            None => (!line.starts_with("! ") && !line.starts_with("~ ")).then_some(line),
        })
        .collect()
}

#[test]
fn the_corpus_is_read_as_it_says() {
    assert!(corpus(None).len() >= 200 && corpus(Some("! ")).len() >= 30);
    for text in corpus(None) {
        if let Err(error) = Filter::parse(text) {
            panic!("{error}");
        }
    }
    for text in corpus(Some("! ")).into_iter().chain(corpus(Some("~ "))) {
        let error = Filter::parse(text).expect_err(text);
        assert!(error.to_string().contains('^'), "{error}");
    }
}

/// Every filter of the corpus accepts the frames that libpcap accepts, for every link type, and
/// has no meaning for those link types for which libpcap refuses it.
#[test]
fn libpcap_answers_the_same() {
    if !oracle::is_there() {
        println!("skipped: no tcpdump to compare capture filters with");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let work = |texts: &[&str]| -> Vec<Result<usize, String>> {
        let compare_link = |(link, count): (u16, usize)| {
            let capture = dir.path().join(format!("{link}.pcap"));
            let mut dice = Dice::new(u64::from(link) + 1);
            let frames: Vec<_> = (0..count).map(|_| frame(&mut dice, link)).collect();
            texts.iter().map(move |text| compare(&capture, link, text, &frames))
        };
        LINKS.into_iter().flat_map(compare_link).collect()
    };
    for (link, _) in LINKS {
        oracle::write_capture(&dir.path().join(format!("{link}.pcap")), link);
    }
    let texts = corpus(None);
    let (first, second) = texts.split_at(texts.len() / 2);
    let answers = std::thread::scope(|scope| {
        let first = scope.spawn(|| work(first));
        [work(second), first.join().unwrap()].concat()
    });
    let wrong: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(answers.into_iter().flatten().sum::<usize>() > 2_000_000);
}

type Frames = [(Vec<u8>, u32)];

/// Compares one filter on all frames; returns their number, or what is wrong.
fn compare(capture: &Path, link: u16, text: &str, frames: &Frames) -> Result<usize, String> {
    let filter = Filter::parse(text).unwrap();
    let bpf = match (Bpf::compile(capture, text, false), filter.check(link)) {
        (Some(bpf), Ok(())) => bpf,
        (None, Err(_)) => return Ok(0),
        (Some(_), Err(error)) => return Err(format!("link type {link}: {error}")),
        (None, Ok(())) => return Err(format!("libpcap refuses `{text}` for link type {link}")),
    };
    // libpcap's optimizer drops and reorders reads, which shows in frames that are cut.
    let optimized = OnceCell::new();
    let optimized = || optimized.get_or_init(|| Bpf::compile(capture, text, true)).as_ref();
    let differs = |(frame, len): &&(Vec<u8>, u32)| {
        let ours = filter.matches(link, frame, *len);
        let answers = |bpf: &Bpf| bpf.matches(frame, *len) == ours;
        !answers(&bpf) && !optimized().is_some_and(answers)
    };
    match frames.iter().find(differs) {
        Some((frame, len)) => Err(format!("`{text}`, link type {link}, {len} bytes: {frame:02x?}")),
        None => Ok(frames.len()),
    }
}

#[test]
fn libpcap_refuses_the_same() {
    if !oracle::is_there() {
        println!("skipped: no tcpdump to compare capture filters with");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("ethernet.pcap");
    oracle::write_capture(&capture, 1);
    for text in corpus(Some("! ")) {
        assert!(Bpf::compile(&capture, text, true).is_none(), "libpcap accepts `{text}`");
    }
}

/// An Ethernet frame with IPv4: 10.0.0.1 to 10.0.0.2, TCP from port 1000 to 80 with SYN set.
fn syn() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x03, 0xe8, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0]);
    frame
}

fn accepts(text: &str, frame: &[u8]) -> bool {
    Filter::parse(text).unwrap().matches(1, frame, frame.len() as u32)
}

#[test]
fn fragments_behind_the_first_have_no_ports() {
    let mut frame = syn();
    assert!(accepts("tcp dst port 80 and tcp[tcpflags] == tcp-syn", &frame));
    frame[21] = 1;
    assert!(!accepts("port 80", &frame) && !accepts("tcp[13] = 2", &frame));
    assert!(accepts("tcp and not port 80", &frame));
}

#[test]
fn vlan_moves_all_that_stands_behind_it() {
    let mut frame = syn();
    frame.splice(12..12, [0x81, 0, 0, 100]);
    assert!(accepts("vlan 100 and port 80", &frame));
    assert!(!accepts("port 80 and vlan 100", &frame));
    assert!(!accepts("vlan and ip", &syn()) && !accepts("ip or vlan", &frame[..13]));
    assert!(!accepts("(vlan and ip) or ip", &syn()), "the second `ip` looks behind the tag too");
}

#[test]
fn a_frame_too_short_for_a_test_does_not_match() {
    let frame = syn();
    assert!(!accepts("not port 80", &frame[..36]));
    assert!(accepts("tcp or ether[1000] = 1", &frame));
    assert!(!accepts("ether[1000] = 1 or tcp", &frame));
    assert!(!accepts("len / ip[1] = 1 or tcp", &frame));
}

#[test]
fn no_words_match_everything() {
    let filter = Filter::parse(" \n").unwrap();
    assert!(filter.matches(1, &[], 0));
    assert_eq!(filter.to_string(), "");
    assert_eq!(Filter::parse(" tcp ").unwrap().to_string(), "tcp");
}

#[test]
fn link_types_have_what_they_have() {
    let filter = Filter::parse("vlan 5").unwrap();
    assert!(filter.check(1).is_ok());
    let error = filter.check(113).unwrap_err().to_string();
    assert_eq!(error, "Linux cooked captures have no VLAN tags\n  | vlan 5\n  | ^^^^^^");
    assert!(filter.check(147).is_err() && !filter.matches(147, &syn(), 54));
    assert!(Filter::parse("tcp port 80").unwrap().matches(101, &syn()[14..], 40));
}

#[test]
fn errors_show_the_place_and_what_to_do() {
    let shown = |text| Filter::parse(text).unwrap_err().to_string();
    assert_eq!(
        shown("tcp and host web.example"),
        "`web.example` is a name: the host's address is needed\n  | tcp and host web.example\n  \
         |              ^^^^^^^^^^^\n  = names are not looked up; write its address"
    );
    assert_eq!(
        shown("tcp\nand port"),
        "the capture filter ends too early: expected an address, a number or a name\n  \
         | and port\n  |         ^"
    );
    assert!(shown("inbound").contains("`src host`"));
    assert!(shown("TCP").contains("`tcp`"));
    assert!(shown("ip.addr == 10.0.0.1").contains("host 10.1.2.3"));
    assert!(shown("gre").contains("ip proto gre"));
}

#[test]
fn deep_and_long_filters_end() {
    assert!(Filter::parse(&"(".repeat(60_000)).is_err());
    assert!(Filter::parse(&"not ".repeat(10_000)).is_err());
    assert!(Filter::parse(&"1+".repeat(10_000)).is_err());
    assert!(Filter::parse(&"tcp or ".repeat(20_000)).is_err());
    let many = (0..10_000).map(|_| "80").collect::<Vec<_>>().join(" or ");
    assert!(accepts(&format!("port {many}"), &syn()));
}

#[test]
fn hostile_chains_of_headers_end() {
    let mut frame = syn();
    // An authentication header whose length leads back to itself.
    (frame[23], frame[34], frame[35]) = (51, 51, 3);
    assert!(!accepts("ip protochain 6", &frame));
}
