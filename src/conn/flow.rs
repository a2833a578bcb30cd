//! The columns of a flow: all connections from one address to one port of another, summed up. The
//! sums are made in `frame/`, once every connection is known.

crate::fields! {
    /// Columns that tie a flow to other tables; not part of KFL.
    pub struct FlowKeys {
        /// Workload of the opener, key of the workloads table.
        src_id: Int = "";
        /// Workload of the other end, key of the workloads table.
        dst_id: Int = "";
    }

    /// Fields of every flow.
    pub struct FlowCommon {
        /// Id of the flow, derived from its peers.
        id: Int = "id != 0";
        /// Id of the flow: all connections from one address to one port of another.
        flow_id: Int = "flow && flow_id != 0";
        /// When the first packet of its first connection was seen.
        timestamp: Time = "flow && timestamp >= timestamp(\"2026-01-01T00:00:00Z\")";
        /// Microseconds from its first packet to its last.
        elapsed_time: Int = "flow && elapsed_time > 60000000";
        /// Transport, upper case.
        protocol: Text = "flow && protocol == \"TCP\"";
        /// Address of the opener.
        src_ip: Text "src.ip" = "flow && src.ip.startsWith(\"10.\")";
        /// Address of the other end.
        dst_ip: Text "dst.ip" = "flow && dst.ip == \"169.254.169.254\"";
        /// Port of the other end.
        dst_port: Int "dst.port" = "flow && dst.port == 80";
        /// in_progress while a connection is, else open while one is, else closed.
        flow_state: Text = "flow && flow_state == \"closed\"";
        /// Connections of the flow.
        flow_conns: Int = "flow && flow_conns > 1000";
        /// Connections that were refused.
        flow_refused: Int = "flow && flow_refused > 0";
        /// Connections that were reset.
        flow_resets: Int = "flow && flow_resets > 0";
        /// Packets from the opener.
        flow_local_pkts: Int = "flow && flow_local_pkts > 100000";
        /// Payload bytes from the opener.
        flow_local_bytes: Int = "flow && flow_local_bytes > 100000000";
        /// Packets to the opener.
        flow_remote_pkts: Int = "flow && flow_remote_pkts > 100000";
        /// Payload bytes to the opener.
        flow_remote_bytes: Int = "flow && flow_remote_bytes > 100000000";
        /// Packets per second from the opener, over the flow's time.
        flow_local_pps: Int = "flow && flow_local_pps > 1000";
        /// Payload bytes per second from the opener, over the flow's time.
        flow_local_bps: Int = "tcp_flow && flow_local_bps > 5000000";
        /// Packets per second to the opener, over the flow's time.
        flow_remote_pps: Int = "flow && flow_remote_pps > 1000";
        /// Payload bytes per second to the opener, over the flow's time.
        flow_remote_bps: Int = "flow && flow_remote_bps > 5000000";
        /// Segments sent again, both directions.
        flow_retransmissions: Int = "tcp_flow && flow_retransmissions > 100";
        /// Protocols found inside.
        flow_l7_detected: List = "flow && \"TLS\" in flow_l7_detected";
    }
}
