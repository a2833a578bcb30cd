//! The columns that every call has, whatever its protocol.

crate::fields! {
    /// Columns that tie a call to other tables and to packets; not part of KFL.
    pub struct CallKeys {
        /// Workload of the caller, key of the workloads table.
        src_id: Int = "";
        /// Workload of the callee, key of the workloads table.
        dst_id: Int = "";
        /// Vantage that the row was taken from, key of the vantages table.
        vantage_id: Int = "";
        /// Vantages that saw the call.
        observations: Int = "";
        /// File of the request's (else the response's) first packet.
        packet_segment: Int = "";
        /// Record number of that packet in its file, from 1.
        packet_frame: Int = "";
        /// Byte offset of that record in the decompressed file.
        packet_offset: Int = "";
        /// Record number of the response's first packet, 0 without one.
        response_frame: Int = "";
        /// File of the response's first packet.
        response_segment: Int = "";
        /// Nanoseconds since 1970 UTC when its fate was known (last byte, or end of connection), else 0.
        settled_ns: Int = "";
        /// Nanoseconds since 1970 UTC when the request came to the callee, 0 where that was not seen apart.
        served_ns: Int = "";
        /// TCP sequence number of the request's first byte (datagrams: the protocol's id), -1 without one.
        request_place: Int = "";
        /// TCP sequence number of the response's first byte (datagrams: the protocol's id), -1 without one.
        response_place: Int = "";
        /// Name of the protocol's dissector.
        dissector: Text = "";
        /// Name of the connection's protocol where the call's is inside it: `http2` of a gRPC call.
        within: Text = "";
        /// Position of the call in its connection, from 0.
        index: Int = "";
        /// Protocol messages of the request seen, repeats included.
        requests: Int = "";
        /// Protocol messages of the response seen, interim ones included.
        responses: Int = "";
    }

    /// Fields of every call.
    pub struct CallCommon {
        /// Id of the entry, derived from its content: the same call has the same id in every run.
        id: Int = "id != 0";
        /// Id of the connection that carried the call.
        conn_id: Int = "conn_id != 0";
        /// When the request's first byte was seen (a half without request: the response's).
        timestamp: Time = "timestamp >= timestamp(\"2026-01-01T00:00:00Z\")";
        /// Microseconds from the request's first byte to the response's last; 0 without a response.
        elapsed_time: Int = "elapsed_time > 1000000";
        /// Microseconds from the request's last byte to the response's first; 0 without a response.
        first_byte_time: Int = "first_byte_time > 500000";
        /// Microseconds that the callee took, seen near it; 0 unless two vantages saw the call.
        server_time: Int = "server_time > 500000";
        /// Microseconds that the call spent between two vantages, there and back; 0 with one.
        network_time: Int = "network_time > 10000";
        /// Protocol, upper case.
        protocol: Text = "protocol == \"HTTP\"";
        /// Address of the caller.
        src_ip: Text "src.ip" = "src.ip.startsWith(\"10.\")";
        /// Port of the caller.
        src_port: Int "src.port" = "src.port > 1024";
        /// Address of the callee.
        dst_ip: Text "dst.ip" = "dst.ip == \"169.254.169.254\"";
        /// Port of the callee.
        dst_port: Int "dst.port" = "dst.port == 80";
        /// How the call ended: ok client_error server_error timeout refused reset throttled unknown.
        outcome: Text = "outcome == \"server_error\"";
        /// What is called, free of ids: `GET /orders/{id}`, `HGET`, `A`.
        operation: Text = "operation == \"POST /checkout\"";
        /// Short name of the error, empty when there is none: `503`, `OOM`, `NXDOMAIN`.
        error: Text = "error == \"OOM\"";
        /// Status of an HTTP response, return code of a DNS response.
        status_code: Int = "http && status_code >= 500";
        /// Whether a response was captured.
        has_response: Bool = "http && !has_response";
        /// Whether only the request or only the response was captured.
        is_half: Bool = "is_half";
        /// Why there is no response: reset closed timeout gap capture_end limit; empty with one.
        unanswered: Text = "unanswered == \"reset\"";
        /// Times that the request was sent again under the same id, before its answer.
        retries: Int = "dns && retries > 0";
        /// Bytes of the request on the wire.
        request_size: Int = "request_size > 1000";
        /// Bytes of the response on the wire.
        response_size: Int = "response_size > 100000";
        /// Trace id of the request's tracing header.
        trace_id: Text = "trace_id != \"\"";
        /// Span id of the request's tracing header.
        span_id: Text = "span_id != \"\"";
        /// Parent span id of the request's tracing header, where it carries one.
        parent_span_id: Text = "parent_span_id != \"\"";
        /// X-Request-ID of the request, else of the response.
        request_id: Text = "request_id == \"3fc61323\"";
        /// X-Correlation-ID of the request, else of the response.
        correlation_id: Text = "correlation_id != \"\"";
        /// Value of the header or cookie that --correlate names: what ties one user's calls together.
        user_key: Text = "user_key == \"ann\"";
    }

    /// What a call was made for.
    pub struct CallLink {
        /// Id of the call that this one was made for, 0 where none is known.
        parent_id: Int = "parent_id != 0";
        /// How the parent was told: trace_id request_id only_open likeliest; empty without one.
        parent_how: Text = "parent_how == \"trace_id\"";
    }
}
