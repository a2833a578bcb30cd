//! Every limit of the program, with its unit in its name. Reaching one is an anomaly with a
//! count, never a crash and never silence. The values shape results, so they are part of the
//! cache key.

use serde::Serialize;

use crate::keylog::KeyLog;

/// Bounds on what hostile or odd traffic can make the analysis keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Decompressed capture bytes held per batch.
    pub batch_bytes: usize,
    /// A record longer than this is taken for a broken file.
    pub record_bytes_max: usize,
    /// Records held back until it is known that none older follows; later ones stay where they are.
    pub order_records_max: usize,
    /// Bytes of the records held back.
    pub order_bytes_max: usize,
    /// A record older than the newest by more than this is not late: the clock was set back.
    pub order_window_ms: u32,
    /// Headers peeled off one frame (VLAN tags, tunnels, extension headers).
    pub packet_layers_max: usize,
    /// Fragmented IP datagrams waiting to become whole, per vantage.
    pub fragment_datagrams_max: usize,
    /// Bytes of the fragments that wait, per vantage.
    pub fragment_bytes_max: usize,
    /// A datagram whose first fragment to come is older has lost the others.
    pub fragment_timeout_ms: u32,
    /// Connections open at once, per shard; one that is closed, half-open or idle for long is given
    /// up for a new one.
    pub conns_open_max: usize,
    /// A TCP connection silent for longer is taken as ended.
    pub tcp_idle_secs: u32,
    /// A TCP connection whose handshake was not completed is given up after so long a silence
    /// (Linux waits 64 s between its last two SYNs, and as long again).
    pub tcp_handshake_secs: u32,
    /// A TCP connection that saw FIN in both directions, or RST, is kept this long for stragglers.
    pub tcp_closed_secs: u32,
    /// UDP packets between two sockets further apart than this belong to different exchanges.
    pub udp_idle_secs: u32,
    /// Bytes waiting for a hole to be filled, per direction of a connection.
    pub reorder_bytes_max: usize,
    /// Segments waiting for a hole to be filled, per direction of a connection.
    pub reorder_segments_max: usize,
    /// A hole that the receiver has acknowledged is given up after this long: the bytes were lost
    /// in capture, not on the way.
    pub gap_confirm_us: u32,
    /// Bytes a dissector may leave unread while it waits for more, per direction.
    pub pending_bytes_max: usize,
    /// Bytes looked at before a connection is given up as unknown.
    pub probe_bytes_max: usize,
    /// Segments of a connection joined in mid-stream that are probed before it is given up.
    pub probe_segments_max: u32,
    /// Times that one connection may go on in another protocol (upgrades, tunnels).
    pub protocol_switches_max: u32,
    /// Requests waiting for their response, per connection.
    pub calls_pending_max: usize,
    /// A datagram request without a response for longer is unanswered.
    pub datagram_timeout_ms: u32,
    /// Bytes of one HTTP message head.
    pub http_head_bytes_max: usize,
    /// Header lines of one HTTP message.
    pub http_headers_max: usize,
    /// Bytes of an HTTP body that is looked into (members of JSON that the user asks for, GraphQL).
    pub http_body_bytes_max: usize,
    /// Streams of one HTTP/2 connection that are open at once; the oldest is given up for a new one.
    pub http2_streams_max: usize,
    /// Bytes of the dynamic table of HPACK, per direction, whatever the peers agree on.
    pub hpack_table_bytes_max: usize,
    /// Bytes that one WebSocket message may decompress to.
    pub ws_inflated_bytes_max: u64,
    /// Bytes of one TLS handshake message, certificates included.
    pub tls_handshake_bytes_max: usize,
    /// Numbers beyond the next that a sealed TLS record is tried under after a loss.
    pub tls_records_ahead_max: u64,
    /// Secrets kept of key logs, those of files and those of captures apart.
    pub tls_secrets_max: usize,
    /// Text of one field kept in the frames; the rest is in the capture.
    pub field_bytes_max: usize,
    /// Bytes looked at of one message whose length stands in front; the rest is counted.
    pub frame_bytes_max: usize,
    /// AMQP channels remembered per connection.
    pub amqp_channels_max: usize,
    /// Prepared statements remembered per connection.
    pub sql_statements_max: usize,
    /// Nesting of a RESP array.
    pub redis_depth_max: usize,
    /// Elements read of one RESP array; beyond, they are skipped.
    pub redis_elements_max: usize,
    /// Compression pointers followed in one DNS name.
    pub dns_pointers_max: usize,
    /// Records read of one DNS message.
    pub dns_records_max: usize,
    /// Bytes of one sidecar line.
    pub sidecar_line_bytes_max: usize,
    /// Addresses whose DNS name is remembered.
    pub dns_names_max: usize,
    /// Anomalies kept as rows, per kind and shard; all are counted.
    pub anomaly_rows_max: usize,
    /// Seconds of one vantage counted apart; a longer capture is counted in coarser buckets.
    pub coverage_buckets_max: usize,
    /// What ties calls together beyond tracing headers: `header:NAME`, `cookie:NAME`,
    /// `query:NAME`, `json:/PATH`.
    pub correlate: Vec<String>,
    /// Secrets of TLS and QUIC sessions.
    pub keys: KeyLog,
    /// Keep tokens, cookies and passwords as they are instead of `<masked N bytes>`.
    pub show_secrets: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch_bytes: 512 << 10,
            record_bytes_max: 16 << 20,
            order_records_max: 128,
            order_bytes_max: 128 << 10,
            order_window_ms: 1000,
            packet_layers_max: 16,
            fragment_datagrams_max: 4096,
            fragment_bytes_max: 16 << 20,
            fragment_timeout_ms: 30_000,
            conns_open_max: 16_384,
            tcp_idle_secs: 3600,
            tcp_handshake_secs: 130,
            tcp_closed_secs: 60,
            udp_idle_secs: 60,
            reorder_bytes_max: 1 << 20,
            reorder_segments_max: 512,
            gap_confirm_us: 10_000,
            pending_bytes_max: 1 << 20,
            probe_bytes_max: 4096,
            probe_segments_max: 2000,
            protocol_switches_max: 8,
            calls_pending_max: 4096,
            datagram_timeout_ms: 5_000,
            http_head_bytes_max: 256 << 10,
            http_headers_max: 512,
            http_body_bytes_max: 64 << 10,
            http2_streams_max: 4096,
            hpack_table_bytes_max: 64 << 10,
            ws_inflated_bytes_max: 16 << 20,
            tls_handshake_bytes_max: 256 << 10,
            tls_records_ahead_max: 256,
            tls_secrets_max: 1 << 20,
            field_bytes_max: 4096,
            frame_bytes_max: 16 << 10,
            amqp_channels_max: 2048,
            sql_statements_max: 256,
            redis_depth_max: 32,
            redis_elements_max: 1 << 16,
            dns_pointers_max: 64,
            dns_records_max: 512,
            sidecar_line_bytes_max: 4 << 20,
            dns_names_max: 1 << 20,
            anomaly_rows_max: 1000,
            coverage_buckets_max: 16_384,
            correlate: Vec::new(),
            keys: KeyLog::default(),
            show_secrets: false,
        }
    }
}
