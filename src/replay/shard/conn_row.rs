//! A connection -> the columns of its row.

use crate::conn::Direction;
use crate::conn::fields::{ConnCommon, ConnTrail};
use crate::field::{Nanos, Text, format_compact};
use crate::packet::Side;

use super::Flow;
use super::emit::titles;

/// The columns of a connection; nothing after `end_ns` is known.
pub(super) fn conn_common(flow: &Flow, end_ns: i64) -> ConnCommon {
    let conn = &flow.conn;
    let client = conn.client();
    let (src, dst) = (conn.key.end(client), conn.key.end(client.other()));
    let pick = |values: [u64; 2], side: Side| values.get(side.index()).map_or(0, |&v| v as i64);
    let (counts, rtt) = (&conn.counts, conn.rtt());
    let error = conn.icmp_errors;
    ConnCommon {
        id: conn.id,
        conn_id: conn.id,
        timestamp: Nanos(conn.first.ts_ns),
        elapsed_time: (conn.last_ns - conn.first.ts_ns).max(0) / 1000,
        protocol: Text::const_new(conn.key.proto.title()),
        src_ip: flow.address(client),
        src_port: i64::from(src.port),
        dst_ip: flow.address(client.other()),
        dst_port: i64::from(dst.port),
        outcome: Text::const_new(conn.outcome(end_ns).name()),
        conn_state: Text::const_new(conn.state()),
        conn_local_pkts: pick(conn.packets, client),
        conn_local_bytes: pick(conn.payload_bytes, client),
        conn_remote_pkts: pick(conn.packets, client.other()),
        conn_remote_bytes: pick(conn.payload_bytes, client.other()),
        conn_l7_detected: titles(&flow.session.protocols),
        conn_goodput_bytes: conn.goodput_bytes(),
        conn_duplicates: conn.duplicates as i64,
        conn_segments: (conn.segments(Side::Low) + conn.segments(Side::High)) as i64,
        conn_retransmissions: counts.retransmissions as i64,
        conn_fast_retransmissions: counts.fast as i64,
        conn_spurious_retransmissions: counts.spurious as i64,
        conn_rtos: counts.timeouts as i64,
        conn_retransmission_permille: counts.retransmission_permille(),
        conn_dup_acks: counts.duplicate_acks as i64,
        conn_out_of_order: counts.out_of_order as i64,
        conn_missing_segments: counts.missing as i64,
        conn_missing_bytes: flow.session.gaps.iter().sum::<u64>() as i64,
        conn_unseen_acks: counts.unseen_acks as i64,
        conn_capture_loss_bytes: conn.capture_loss_bytes(),
        conn_zero_windows: counts.zero_windows as i64,
        conn_zero_window_us: conn.zero_window_us(),
        conn_window_full: counts.window_full as i64,
        conn_window_updates: counts.window_updates as i64,
        conn_window_scale: conn.window_scale(),
        conn_window_avg: conn.window_avg(),
        conn_in_flight_max: conn.in_flight_max(),
        conn_keepalives: counts.keep_alives as i64,
        conn_fins: counts.fins as i64,
        conn_resets: counts.resets as i64,
        conn_syn_retries: i64::from(conn.syn_retries()),
        conn_completeness: i64::from(conn.completeness()),
        conn_half_open: conn.is_half_open() && !conn.refused(),
        conn_port_reused: conn.port_reused,
        conn_refused: conn.refused(),
        conn_reset_by: Text::const_new(match conn.reset_by() {
            Some(Direction::ToServer) => "client",
            Some(Direction::ToClient) => "server",
            None => "",
        }),
        conn_reset_us: conn.reset_us(),
        conn_initial_rtt_us: conn.initial_rtt_us(),
        conn_handshake_us: conn.handshake_us(),
        conn_connection_us: conn.connection_us(),
        conn_ttfb_us: conn.ttfb_us(),
        conn_rtt_min_us: rtt.min_us(),
        conn_rtt_avg_us: rtt.avg_us(),
        conn_rtt_max_us: rtt.max_us(),
        conn_rtt_samples: i64::from(rtt.samples),
        conn_jitter_us: rtt.jitter_us(),
        conn_idle_us: conn.idle_us(),
        conn_icmp_errors: error.map_or(0, |e| i64::from(e.count)),
        conn_icmp_error: Text::const_new(error.map_or("", |e| e.meaning.name())),
        icmp_code: error.map_or(0, |e| i64::from(e.code)),
    }
}

/// What other vantages' sightings of the connection are recognised by.
pub(super) fn conn_trail(flow: &Flow) -> ConnTrail {
    let (conn, trail) = (&flow.conn, &flow.conn.trail);
    let (client, server) = (conn.client(), conn.client().other());
    let known = |number: Option<u32>| number.map_or(-1, i64::from);
    let (local, remote) = (trail.range(client), trail.range(server));
    let missing = |way: Direction| flow.session.gaps.get(way.index()).map_or(0, |&n| n as i64);
    ConnTrail {
        client_isn: known(trail.isn(client)),
        server_isn: known(trail.isn(server)),
        syn_stamp: i64::from(trail.syn_stamp),
        syn_ns: trail.syn_ns,
        syn_ack_ns: trail.syn_ack_ns,
        local_from: known(local.map(|range| range.from)),
        local_to: known(local.map(|range| range.to)),
        remote_from: known(remote.map(|range| range.from)),
        remote_to: known(remote.map(|range| range.to)),
        local_segments: conn.segments(client) as i64,
        remote_segments: conn.segments(server) as i64,
        local_missing: missing(Direction::ToServer),
        remote_missing: missing(Direction::ToClient),
        datagrams: trail.datagrams().iter().map(|hash| format_compact!("{hash:016x}")).collect(),
    }
}
