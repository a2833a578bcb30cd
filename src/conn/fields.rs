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
        /// Payload bytes without those sent again, both directions.
        conn_goodput_bytes: Int = "conn && conn_goodput_bytes < conn_local_bytes";
        /// Packets that the vantage saw twice (mirror port, `any` interface); counted once.
        conn_duplicates: Int = "conn && conn_duplicates > 0";
        /// Segments with payload, both directions.
        conn_segments: Int = "conn && conn_segments > 100";
        /// Segments sent again, of all kinds, SYN and FIN too (tcp.analysis.retransmission).
        conn_retransmissions: Int = "conn && conn_retransmissions > 10";
        /// Those that duplicate ACKs asked for (tcp.analysis.fast_retransmission).
        conn_fast_retransmissions: Int = "conn && conn_fast_retransmissions > 0";
        /// Those of bytes that were acknowledged already (tcp.analysis.spurious_retransmission).
        conn_spurious_retransmissions: Int = "conn && conn_spurious_retransmissions > 0";
        /// Those that waited for the sender's timer: 200 ms or more, neither fast nor spurious.
        conn_rtos: Int = "conn && conn_rtos > 0";
        /// Retransmissions per thousand segments with payload, SYN or FIN.
        conn_retransmission_permille: Int = "conn && conn_retransmission_permille > 50";
        /// Repeated acknowledgements (tcp.analysis.duplicate_ack).
        conn_dup_acks: Int = "conn && conn_dup_acks > 10";
        /// Segments that arrived after later ones (tcp.analysis.out_of_order).
        conn_out_of_order: Int = "conn && conn_out_of_order > 0";
        /// Segments before which others were missing (tcp.analysis.lost_segment).
        conn_missing_segments: Int = "conn && conn_missing_segments > 0";
        /// Holes: payload that was never captured, in bytes.
        conn_missing_bytes: Int = "conn && conn_missing_bytes > 0";
        /// Acknowledgements of bytes that were not captured (tcp.analysis.ack_lost_segment).
        conn_unseen_acks: Int = "conn && conn_unseen_acks > 0";
        /// Bytes that were acknowledged and never captured: loss of the capture, not of the network.
        conn_capture_loss_bytes: Int = "conn && conn_capture_loss_bytes > 0";
        /// Segments that announced a closed window (tcp.analysis.zero_window).
        conn_zero_windows: Int = "conn && conn_zero_windows > 0";
        /// Microseconds for which a window was closed.
        conn_zero_window_us: Int = "conn && conn_zero_window_us > 1000000";
        /// Segments that filled the receiver's window (tcp.analysis.window_full).
        conn_window_full: Int = "conn && conn_window_full > 0";
        /// Acknowledgements that only change the window (tcp.analysis.window_update).
        conn_window_updates: Int = "conn && conn_window_updates > 10";
        /// Window scale of the end that received more, 0 where none or not seen.
        conn_window_scale: Int = "conn && conn_window_scale == 7";
        /// Mean window that the end which received more announced, in bytes.
        conn_window_avg: Int = "conn && conn_window_avg < 10000";
        /// Most bytes sent and not yet acknowledged, of either end.
        conn_in_flight_max: Int = "conn && conn_in_flight_max > 65535";
        /// Keep-alive probes (tcp.analysis.keep_alive).
        conn_keepalives: Int = "conn && conn_keepalives > 0";
        /// Segments with FIN; one alone is a half-closed connection.
        conn_fins: Int = "conn && conn_fins == 1";
        /// Segments with RST.
        conn_resets: Int = "conn && conn_resets > 0";
        /// SYNs sent again without an answer.
        conn_syn_retries: Int = "conn && conn_syn_retries >= 2";
        /// What was seen of it: SYN 1, SYN-ACK 2, its ACK 4, DATA 8, FIN 16, RST 32.
        conn_completeness: Int = "conn && conn_completeness == 33";
        /// Whether a handshake was begun and never completed.
        conn_half_open: Bool = "conn && conn_half_open";
        /// Whether it began on the ports of one that had hardly ended.
        conn_port_reused: Bool = "conn && conn_port_reused";
        /// Whether it was turned away: RST for SYN, ABORT for INIT, or ICMP unreachable.
        conn_refused: Bool = "conn && conn_refused";
        /// Who reset the connection: client, server or empty.
        conn_reset_by: Text = "conn && conn_reset_by == \"server\"";
        /// Microseconds from its first packet to the first RST, 0 without one.
        conn_reset_us: Int = "conn && conn_reset_us > 60000000";
        /// Microseconds from SYN to SYN-ACK, 0 when not seen.
        conn_initial_rtt_us: Int = "conn && conn_initial_rtt_us > 10000";
        /// Microseconds from SYN to the ACK of the SYN-ACK, 0 when not seen.
        conn_handshake_us: Int = "conn && conn_handshake_us > 20000";
        /// Microseconds from SYN to the first payload, 0 when not seen.
        conn_connection_us: Int = "conn && conn_connection_us > 50000";
        /// Microseconds from the opener's first payload to the first that came back, 0 when none.
        conn_ttfb_us: Int = "conn && conn_ttfb_us > 500000";
        /// Shortest round trip to the end farther from the vantage, in microseconds.
        conn_rtt_min_us: Int = "conn && conn_rtt_min_us > 10000";
        /// Mean of these round trips.
        conn_rtt_avg_us: Int = "conn && conn_rtt_avg_us > 10 * conn_rtt_min_us";
        /// Longest of these round trips.
        conn_rtt_max_us: Int = "conn && conn_rtt_max_us > 1000000";
        /// How many round trips were measured.
        conn_rtt_samples: Int = "conn && conn_rtt_samples >= 10";
        /// Standard deviation of these round trips.
        conn_jitter_us: Int = "conn && 2 * conn_jitter_us > conn_rtt_avg_us";
        /// Longest pause between two packets, in microseconds.
        conn_idle_us: Int = "conn && conn_idle_us > 60000000";
        /// ICMP errors about the connection's packets.
        conn_icmp_errors: Int = "conn && conn_icmp_errors > 0";
        /// What the first of them says: port unreachable, fragmentation needed, and so on.
        conn_icmp_error: Text = "conn && conn_icmp_error == \"fragmentation needed\"";
        /// Code of that ICMP error.
        icmp_code: Int = "conn && conn_icmp_errors > 0 && icmp_code == 3";
    }
}
