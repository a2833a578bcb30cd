//! What was odd, lost or beyond a limit, as a closed list of kinds. Traffic is never an error:
//! stages report anomalies, which are counted in every result and kept as rows up to a limit.

/// Declares the kinds once: variant, name in results, what it means.
macro_rules! anomalies {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// A kind of anomaly.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AnomalyKind { $(#[doc = $doc] $variant,)* }

        impl AnomalyKind {
            pub const ALL: &'static [AnomalyKind] = &[$(AnomalyKind::$variant,)*];

            /// The name used in every output.
            pub fn name(self) -> &'static str {
                match self { $(AnomalyKind::$variant => $name,)* }
            }

            /// One sentence for people.
            pub fn doc(self) -> &'static str {
                match self { $(AnomalyKind::$variant => $doc,)* }
            }
        }
    };
}

anomalies! {
    FileCut "file_cut" "A capture file ends in the middle of a record or block; what came before was read.";
    FileBroken "file_broken" "A capture file holds bytes that are no record; reading stopped there.";
    TimeBackwards "time_backwards" "A record is older than the one before it in the same file.";
    SnaplenCut "snaplen_cut" "A packet was captured shorter than it was on the wire.";
    PacketMalformed "packet_malformed" "A header contradicts itself or the bytes at hand.";
    PacketUndecoded "packet_undecoded" "A packet of a link type or protocol that is not decoded.";
    LayerLimit "layer_limit" "A packet nests more headers than the limit allows.";
    FragmentOverlap "fragment_overlap" "Fragments of one IP datagram claim the same bytes or an impossible length; the first to come were kept.";
    FragmentLimit "fragment_limit" "A fragmented IP datagram was given up because too much was waiting.";
    FragmentIncomplete "fragment_incomplete" "A fragmented IP datagram of which fragments were missing.";
    ConnLimit "conn_limit" "A connection was closed early because too many were open.";
    StreamGap "stream_gap" "Bytes of a connection were not captured.";
    ReorderLimit "reorder_limit" "Out-of-order bytes were dropped because too many were waiting.";
    Overlap "segment_overlap_differs" "Two segments claim the same bytes with different content; the first was kept.";
    DuplicatePacket "duplicate_packet" "A packet that the same vantage saw twice (mirror port, capture on all interfaces); it counts once.";
    PortReused "port_reused" "A new connection began on the ports of one that was still open.";
    PendingLimit "pending_limit" "A message was given up because it did not end within the limit.";
    ProtocolUnknown "protocol_unknown" "A connection carried bytes of no known protocol.";
    ProtocolGaveUp "protocol_gave_up" "A dissector met bytes that do not fit its protocol.";
    ProtocolResync "protocol_resync" "A dissector skipped bytes to find the next message.";
    ProtocolSwitchLimit "protocol_switch_limit" "A connection changed its protocol too often; it was not read on.";
    HttpBadHead "http_bad_head" "An HTTP start line or header that does not follow RFC 9112.";
    HttpAmbiguousLength "http_ambiguous_length" "An HTTP message whose length headers contradict each other (request smuggling looks like this).";
    HttpBadChunk "http_bad_chunk" "An HTTP chunk size that is no number or a chunk without its end.";
    HttpHeadLimit "http_head_limit" "An HTTP head longer than the limit.";
    Http2Malformed "http2_malformed" "An HTTP/2 frame whose type, length and stream do not fit each other.";
    HpackMalformed "hpack_malformed" "An HTTP/2 header block that is not HPACK (RFC 7541).";
    QpackMalformed "qpack_malformed" "An HTTP/3 field section that is not QPACK (RFC 9204).";
    Http2StreamLimit "http2_stream_limit" "An HTTP/2 stream was given up because too many were open.";
    Http2Goaway "http2_goaway" "A peer ended an HTTP/2 connection with an error code.";
    WsMalformed "ws_malformed" "A WebSocket frame that RFC 6455 or what was agreed on does not allow.";
    WsInflateLimit "ws_inflate_limit" "A WebSocket message that decompresses to more than the limit; the direction was not decompressed on.";
    TlsMalformed "tls_malformed" "Bytes on a TLS connection that are no record, or a hello that cannot be read.";
    TlsHandshakeLimit "tls_handshake_limit" "A TLS handshake message longer than the limit.";
    IcmpMalformed "icmp_malformed" "An ICMP message shorter than its header.";
    TlsUndecrypted "tls_undecrypted" "A TLS record that the keys at hand did not open.";
    TlsSecretsLimit "tls_secrets_limit" "A capture brought more TLS secrets than the limit; the rest was not kept.";
    DnsMalformed "dns_malformed" "A DNS message whose counts, names or lengths do not add up.";
    DnsLimit "dns_limit" "A DNS message with more records than the limit; the rest was not read.";
    RedisMalformed "redis_malformed" "Bytes on a Redis connection that are no RESP value.";
    RedisLimit "redis_limit" "A RESP value nested or repeated beyond the limit.";
    PostgresqlMalformed "postgresql_malformed" "Bytes on a PostgreSQL connection that are no message.";
    MysqlMalformed "mysql_malformed" "Bytes on a MySQL connection that are no packet of it, or come out of turn.";
    KafkaMalformed "kafka_malformed" "Bytes on a Kafka connection that are no message.";
    MongodbMalformed "mongodb_malformed" "Bytes on a MongoDB connection that are no message.";
    MemcachedMalformed "memcached_malformed" "Bytes on a Memcached connection that are no command or reply.";
    NatsMalformed "nats_malformed" "Bytes on a NATS connection that are no operation.";
    AmqpMalformed "amqp_malformed" "Bytes on an AMQP connection that are no frame.";
    AmqpLimit "amqp_limit" "An AMQP connection has more open channels than the limit; the lowest was forgotten.";
    SqlLimit "sql_limit" "A connection prepared more SQL statements than are remembered.";
    ResponseWithoutRequest "response_without_request" "A response whose request was not captured.";
    RequestWithoutResponse "request_without_response" "A request that got no response, or whose response was not captured.";
    CallsPendingLimit "calls_pending_limit" "A request was given up because too many were waiting on one connection.";
    AddressUnresolved "address_unresolved" "A cluster-internal address that no metadata names.";
}

/// Counts per kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnomalyCounts(std::collections::BTreeMap<AnomalyKind, u64>);

impl AnomalyCounts {
    pub fn add(&mut self, kind: AnomalyKind, count: u64) {
        if count > 0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    pub fn merge(&mut self, other: &AnomalyCounts) {
        for (&kind, &count) in &other.0 {
            self.add(kind, count);
        }
    }

    pub fn get(&self, kind: AnomalyKind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// Kinds that occurred, in the order of the list above.
    pub fn iter(&self) -> impl Iterator<Item = (AnomalyKind, u64)> + '_ {
        self.0.iter().map(|(&kind, &count)| (kind, count))
    }
}
