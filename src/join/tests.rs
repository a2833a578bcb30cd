//! Sightings of one connection found, ordered and compared, whatever was translated on the way.

use super::*;
use crate::packet::Proto;

const MS: i64 = 1_000_000;

fn socket(last: u8, port: u16) -> Socket {
    Socket { ip: [10, 0, 0, last].into(), port }
}

/// A TCP connection with its handshake: SYN at `syn`, SYN-ACK at `syn_ack` milliseconds.
fn tcp(vantage: u32, client: Socket, server: Socket, syn: i64, syn_ack: i64) -> Sighting {
    Sighting {
        vantage,
        node: vantage,
        id: i64::from(vantage) + 1,
        proto: Proto::Tcp,
        client,
        server,
        isns: [Some(77), Some(99)],
        stamp: 5,
        ranges: [Some(Range { from: 78, to: 178 }), Some(Range { from: 100, to: 300 })],
        datagrams: Vec::new(),
        first_ns: syn * MS,
        last_ns: syn_ack * MS + 50 * MS,
        syn_ns: syn * MS,
        syn_ack_ns: syn_ack * MS,
        packets: [4, 3],
        segments: [1, 2],
        bytes: [100, 200],
        missing: [0, 0],
    }
}

fn midstream(of: Sighting) -> Sighting {
    Sighting { isns: [None, None], stamp: 0, syn_ns: 0, syn_ack_ns: 0, ..of }
}

fn datagram(vantage: u32, client: Socket, server: Socket, at: i64, hash: u64) -> Sighting {
    let tcp = tcp(vantage, client, server, at, at);
    Sighting { proto: Proto::Udp, ranges: [None, None], datagrams: vec![hash], ..midstream(tcp) }
}

/// Which sightings are of one connection with which, by all passes.
fn roots(sightings: &[Sighting]) -> Vec<Option<u32>> {
    let mut groups = Groups::new(sightings.len());
    for pass in Pass::TCP.into_iter().chain(Pass::REST) {
        let mut candidates = Candidates::default();
        for (index, sighting) in (0..).zip(sightings) {
            candidates.add(pass, index, sighting.clone());
        }
        candidates.join(pass, &mut groups);
    }
    groups.roots()
}

#[test]
fn a_service_address_hides_no_connection() {
    let (client, service, pod) = (socket(1, 40_000), socket(100, 80), socket(2, 8080));
    let sightings = [
        tcp(0, client, service, 1, 5),
        Sighting { isns: [Some(78), Some(99)], ..tcp(0, client, service, 1, 5) },
        tcp(1, client, pod, 2, 3),
        // The node's own address and port in place of the client's.
        tcp(2, socket(9, 1234), pod, 2, 3),
    ];
    assert_eq!(roots(&sightings), [Some(0), None, Some(0), Some(0)]);
}

#[test]
fn without_random_numbers_an_end_must_be_the_same() {
    let bare = |sighting: Sighting| Sighting { isns: [Some(77), None], stamp: 0, ..sighting };
    let (a, b) = (socket(1, 40_000), socket(2, 80));
    let one = bare(tcp(0, a, b, 1, 2));
    assert_eq!(roots(&[one.clone(), bare(tcp(1, a, socket(3, 80), 1, 2))]), [Some(0), Some(0)]);
    assert_eq!(roots(&[one, bare(tcp(1, socket(4, 1), socket(3, 80), 1, 2))]), [None, None]);
}

#[test]
fn connections_older_than_the_capture_meet_by_their_bytes() {
    let (client, service, pod) = (socket(1, 40_000), socket(100, 80), socket(2, 8080));
    let begun = midstream(tcp(0, client, service, 0, 0));
    let later = Some(Range { from: 150, to: 190 });
    let other = midstream(tcp(1, client, pod, 0, 0));
    let met = Sighting { ranges: [later, other.ranges[1]], ..other.clone() };
    assert_eq!(roots(&[begun.clone(), met]), [Some(0), Some(0)]);
    let far = Some(Range { from: 9_000, to: 9_500 });
    let apart = Sighting { ranges: [far, other.ranges[1]], ..other };
    assert_eq!(roots(&[begun, apart]), [None, None]);
}

#[test]
fn who_is_the_client_need_not_be_agreed_on() {
    let (client, server) = (socket(1, 40_000), socket(2, 8080));
    let right = midstream(tcp(0, client, server, 0, 0));
    let mut wrong = midstream(tcp(1, client, server, 0, 0));
    wrong.turn();
    assert_eq!(wrong.client, server);
    assert_eq!(roots(&[right, wrong]), [Some(0), Some(0)]);
}

#[test]
fn sequence_numbers_wrap() {
    let range = |from, to| Range { from, to };
    assert!(range(u32::MAX - 5, 10).meets(range(3, 20)));
    assert!(!range(u32::MAX - 50, u32::MAX - 20).meets(range(3, 20)));
}

#[test]
fn datagrams_meet_by_their_bytes_and_time() {
    let (client, service, pod) = (socket(1, 5000), socket(100, 53), socket(2, 53));
    let sent = datagram(0, client, service, 0, 42);
    let arrived = datagram(1, client, pod, 1, 42);
    assert_eq!(roots(&[sent.clone(), arrived]), [Some(0), Some(0)]);
    assert_eq!(roots(&[sent.clone(), datagram(1, client, pod, 9_000, 42)]), [None, None]);
    assert_eq!(roots(&[sent.clone(), datagram(1, client, pod, 1, 43)]), [None, None]);
    // The first was lost: the same sockets at the same time will do.
    assert_eq!(roots(&[sent, datagram(1, client, service, 1, 43)]), [Some(0), Some(0)]);
}

#[test]
fn one_number_for_all_does_not_take_for_ever() {
    let (a, b) = (socket(1, 1), socket(2, 80));
    let hostile: Vec<Sighting> = (0..20_000u32)
        .map(|n| Sighting { isns: [Some(1), Some(n)], stamp: n + 1, ..tcp(n, a, b, 1, 2) })
        .collect();
    assert!(roots(&hostile).iter().all(Option::is_none));
}

fn member(index: u32, sighting: Sighting) -> Box<Member> {
    Box::new(Member { index, sighting, at_client: false, at_server: false })
}

#[test]
fn who_waits_longest_is_nearest_to_the_client() {
    let (client, server) = (socket(1, 40_000), socket(2, 80));
    // The server's clock is an hour behind.
    let mut members = vec![
        member(0, tcp(1, client, server, -3_600_000, -3_599_999)),
        member(1, tcp(0, client, server, 1, 5)),
    ];
    in_order(&mut members, |_| 0);
    assert_eq!(members.iter().map(|m| m.index).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_lossy_way_is_named() {
    let (client, server) = (socket(1, 40_000), socket(2, 80));
    let near = Sighting { bytes: [300, 200], segments: [3, 2], ..tcp(0, client, server, 1, 5) };
    let far = Sighting { bytes: [100, 200], segments: [1, 2], ..tcp(1, client, server, 2, 3) };
    let mut links = Links::default();
    links.add(&near, &far);
    let found: Vec<_> =
        links.iter().map(|(a, b, l)| (a, b, l.lost_bytes, l.lost_segments)).collect();
    assert_eq!(found, [(0, 1, 200, 2), (1, 0, 0, 0)]);
    // What the capture missed is no loss of the network.
    let mut links = Links::default();
    links.add(&near, &Sighting { missing: [200, 0], ..far });
    assert!(links.iter().all(|(_, _, link)| link.lost_bytes == 0));
}

fn seen(rank: u32, id: i64, request: i64, response: i64, ts_ns: i64, us: i64) -> SeenCall {
    SeenCall {
        rank,
        vantage: rank,
        shard: 0,
        id,
        index: id,
        by_client: true,
        request_place: request,
        response_place: response,
        ts_ns,
        settled_ns: ts_ns + us * 1000,
        is_whole: request >= 0 && response >= 0,
        elapsed_us: us,
    }
}

#[test]
fn a_call_counts_once_with_the_clients_time_and_the_servers() {
    let mut calls = [seen(1, 11, 500, 900, 2_000, 40), seen(0, 10, 500, 900, 1_000, 100)];
    let decisions = decide(&mut calls);
    assert_eq!(decisions.iter().filter(|d| d.stays()).count(), 1);
    assert!(decisions.iter().all(|d| d.chosen == (10, 0) && d.observations == 2));
    assert_eq!((decisions[0].server_us, decisions[0].network_us), (40, 60));
}

#[test]
fn what_one_vantage_missed_another_has() {
    // The client's capture lost the response of the first call, and the whole second.
    let mut calls = [
        seen(0, 10, 500, -1, 1_000, 0),
        seen(1, 11, 500, 900, 2_000, 40),
        seen(1, 12, 600, 950, 3_000, 40),
    ];
    let stays: Vec<i64> = decide(&mut calls).iter().filter(|d| d.stays()).map(|d| d.id).collect();
    assert_eq!(stays, [11, 12]);
}

#[test]
fn repeated_questions_meet_in_the_order_of_time() {
    // One socket asks twice under one id.
    let mut calls = [
        seen(0, 1, 7, 7, 1_000, 10),
        seen(0, 2, 7, 7, 9_000_000, 10),
        seen(1, 3, 7, 7, 2_000, 5),
        seen(1, 4, 7, 7, 9_001_000, 5),
    ];
    let decisions = decide(&mut calls);
    let of = |id: i64| decisions.iter().find(|d| d.id == id).map(|d| d.chosen.0);
    assert_eq!((of(3), of(4)), (Some(1), Some(2)));
}
