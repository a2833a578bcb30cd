use super::super::tests::{Driver, Sample, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// Two headers in a row, as two proxies make them.
pub const SAMPLE: Sample = &[
    (ToServer, b"PROXY TCP4 203.0.113.7 10.0.0.5 51234 443\r\n"),
    (
        ToServer,
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x3c\xcb\0\x71\x07\x0a\0\0\x05\xc8\x22\x01\xbb\
        \x01\0\x02h2\x02\0\x0cshop.example\x20\0\x19\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x07ann@dev",
    ),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

#[test]
fn both_versions() {
    let mut driver = driver();
    for (way, bytes) in SAMPLE {
        driver.packet(*way, bytes);
    }
    assert!(!driver.is_tunnel);
    let [one, two] = driver.out.messages.as_slice() else { panic!("{:#?}", driver.shown()) };
    let ends = "proxy_client_ip=\"203.0.113.7\" proxy_client_port=51234 \
        proxy_server_ip=\"10.0.0.5\" proxy_server_port=443";
    for (message, expected) in [
        (
            one,
            format!(
                "\"PROXY TCP4\" ok 0 \"\" proxy_version=1 proxy_command=\"PROXY\" proxy_transport=\"TCP4\" {ends}"
            ),
        ),
        (
            two,
            format!(
                "{ends} proxy_authority=\"shop.example\" proxy_alpn=\"h2\" proxy_tls_version=\"TLSv1.3\" proxy_client_subject=\"ann@dev\""
            ),
        ),
    ] {
        assert!(shown(message).contains(&expected), "{}", shown(message));
    }
}

#[test]
fn what_follows_is_for_others() {
    for (header, what) in [
        (&b"PROXY UNKNOWN\r\n"[..], "UNKNOWN"),
        (b"PROXY TCP6 ::1 2001:db8::1 1 2\r\n", "2001:db8::1"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "LOCAL"),
    ] {
        for behind in [&b"POST / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0\r\n", b"\r\nx", b"*1\r\n"] {
            let all = [header, behind].concat();
            for cut in 1..all.len() {
                let mut driver = driver();
                driver.packet(ToServer, &all[..cut]).packet(ToServer, &all[cut..]);
                assert!(driver.is_tunnel && driver.gave_up.is_none(), "{all:?} {cut}");
                assert_eq!(driver.out.messages.len(), 1);
                assert!(shown(&driver.out.messages[0]).contains(what));
            }
        }
        let mut driver = driver();
        driver.packet(ToServer, header).packet(ToClient, b"220 mail");
        assert!(driver.is_tunnel, "the server speaks first");
    }
}

#[test]
fn probed_by_content() {
    let verdict = |bytes: &[u8]| probe(Opening { sender: None, port_hint: false }, bytes);
    for bytes in
        [&b"P"[..], b"PROXY TCP4 1.2.3.4", b"\r\n\r\n\0", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c1"]
    {
        assert!(matches!(verdict(bytes), Probe::Maybe(more) if more > bytes.len()), "{bytes:?}");
    }
    let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 120]].concat();
    for bytes in [
        &b"PUT /"[..],
        b"PROXY SCTP 1 2 3 4\r\n",
        b"PROXY TCP4 a b c d\r\n",
        &long,
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
    ] {
        assert_eq!(verdict(bytes), Probe::No, "{bytes:?}");
    }
}
