//! The columns of a connection.

crate::fields! {
    /// Columns that tie a connection to other tables and to packets; not part of KFL.
    pub struct ConnKeys {
        /// Workload of the opener, key of the workloads table.
        src_id: Int = "";
        /// Workload of the other end, key of the workloads table.
        dst_id: Int = "";
        /// Vantage that the row was taken from, key of the vantages table.
        vantage_id: Int = "";
        /// Vantages that saw the connection.
        observations: Int = "";
        /// File of the connection's first packet.
        packet_segment: Int = "";
        /// Record number of that packet in its file, from 1.
        packet_frame: Int = "";
        /// Byte offset of that record in the decompressed file.
        packet_offset: Int = "";
    }

    /// What the sightings of one connection at several vantages are recognised and compared by; not
    /// part of KFL. -1 stands for what was not seen. Local is the opener, as in KFL.
    pub struct ConnTrail {
        /// Initial sequence number of the opener.
        client_isn: Int = "";
        /// Initial sequence number of the other end.
        server_isn: Int = "";
        /// Timestamp option of the first SYN.
        syn_stamp: Int = "";
        /// Nanoseconds since 1970 UTC when the first SYN passed, by the vantage's clock.
        syn_ns: Int = "";
        /// Nanoseconds since 1970 UTC when the first SYN-ACK passed.
        syn_ack_ns: Int = "";
        /// Sequence number of the opener's first byte.
        local_from: Int = "";
        /// Sequence number behind the opener's last byte.
        local_to: Int = "";
        /// Sequence number of the other end's first byte.
        remote_from: Int = "";
        /// Sequence number behind the other end's last byte.
        remote_to: Int = "";
        /// Segments with payload from the opener, repeated ones included.
        local_segments: Int = "";
        /// Segments with payload to the opener.
        remote_segments: Int = "";
        /// Bytes of the opener that were not captured.
        local_missing: Int = "";
        /// Bytes to the opener that were not captured.
        remote_missing: Int = "";
        /// Hashes of the opener's first datagrams, 16 hex digits each.
        datagrams: Text = "";
    }

    /// Fields of every connection.
    pub struct ConnCommon {
        /// Id of the connection, derived from its content.
        id: Int = "id != 0";
        /// Id of the connection, as its calls carry it.
        conn_id: Int = "conn && conn_id != 0";
        /// When its first packet was seen.
        timestamp: Time = "conn && timestamp >= timestamp(\"2026-01-01T00:00:00Z\")";
        /// Microseconds from its first packet to its last.
        elapsed_time: Int = "conn && elapsed_time > 60000000";
        /// Transport, upper case.
        protocol: Text = "protocol == \"TCP\"";
        /// Address of the opener.
        src_ip: Text "src.ip" = "src.ip.startsWith(\"10.\")";
        /// Port of the opener.
        src_port: Int "src.port" = "src.port > 1024";
        /// Address of the other end.
        dst_ip: Text "dst.ip" = "dst.ip == \"169.254.169.254\"";
        /// Port of the other end.
        dst_port: Int "dst.port" = "dst.port == 80";
        /// How the connection fared: ok refused timeout reset unknown.
        outcome: Text = "conn && outcome == \"refused\"";
        /// open, in_progress or closed when the capture ended.
        conn_state: Text = "conn && conn_state == \"open\"";
        /// Packets from the opener.
        conn_local_pkts: Int = "conn && conn_local_pkts > 1000";
        /// Payload bytes from the opener.
        conn_local_bytes: Int = "conn && conn_local_bytes > 1000000";
        /// Packets to the opener.
        conn_remote_pkts: Int = "conn && conn_remote_pkts > 1000";
        /// Payload bytes to the opener.
        conn_remote_bytes: Int = "conn && conn_remote_bytes > 1000000";
        /// Protocols found inside.
        conn_l7_detected: List = "conn && \"HTTP\" in conn_l7_detected";
        /// Segments with payload, both directions.
        conn_segments: Int = "conn && conn_segments > 100";
        /// Segments sent again.
        conn_retransmissions: Int = "conn && conn_retransmissions > 10";
        /// Segments that arrived after later ones.
        conn_out_of_order: Int = "conn && conn_out_of_order > 0";
        /// Holes: payload that was never captured, in bytes.
        conn_missing_bytes: Int = "conn && conn_missing_bytes > 0";
        /// Times a receiver closed its window.
        conn_zero_windows: Int = "conn && conn_zero_windows > 0";
        /// SYNs sent again without an answer.
        conn_syn_retries: Int = "conn && conn_syn_retries >= 2";
        /// Wireshark's completeness bits: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32.
        conn_completeness: Int = "conn && conn_completeness == 33";
        /// Whether a SYN was answered by RST.
        conn_refused: Bool = "conn && conn_refused";
        /// Who reset the connection: client, server or empty.
        conn_reset_by: Text = "conn && conn_reset_by == \"server\"";
        /// Microseconds from SYN to SYN-ACK, 0 when not seen.
        conn_initial_rtt_us: Int = "conn && conn_initial_rtt_us > 10000";
        /// Microseconds from SYN to the ACK of the SYN-ACK, 0 when not seen.
        conn_handshake_us: Int = "conn && conn_handshake_us > 20000";
    }
}
