//! The fields of TLS handshakes. Their names are KFL's where it has them.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// What a client offered.
    pub struct TlsRequest {
        /// Server name that the client asked for.
        tlsx_sni: Text = "tlsx && tlsx_sni.contains(\"amazonaws.com\")";
        /// Cipher suites offered by the client.
        tlsx_cipher_suites: List = "tlsx && tlsx_cipher_suites.exists(s, s.contains(\"RC4\"))";
        /// Server name, ALPN or cipher suite: the first of them that is known.
        tlsx_summary: Text = "tlsx && tlsx_summary != \"\"";
        /// ClientHello, or ServerHello where that is all that was captured.
        tlsx_info: Text = "tlsx && tlsx_info == \"ClientHello\"";
        /// What the client offered, summed up.
        tls_summary: Text = "tls_summary != \"\"";
        /// Bytes of the client's handshake.
        tls_request_size: Int = "tls_request_size > 1000";
        /// Application protocols offered by the client.
        tls_alpn_offered: List = "tlsx && \"h2\" in tls_alpn_offered";
        /// Versions offered by the client.
        tls_versions_offered: List = "tlsx && \"TLS 1.0\" in tls_versions_offered";
        /// JA3 fingerprint of the client.
        tls_ja3: Text = "tlsx && tls_ja3 == \"e7d705a3286e19ea42f587b344ee6865\"";
        /// JA4 fingerprint of the client.
        tls_ja4: Text = "tlsx && tls_ja4.startsWith(\"t13d\")";
        /// Whether the client offered to resume a session.
        tls_resumption_offered: Bool = "tlsx && tls_resumption_offered && !tls_resumed";
        /// Whether the client sent data before the handshake was over (0-RTT).
        tls_early_data: Bool = "tlsx && tls_early_data";
        /// Subject of the client's certificate (mutual TLS, up to TLS 1.2).
        tls_client_subject: Text = "tlsx && tls_client_subject != \"\"";
    }

    /// What a server chose, and how the handshake ended.
    pub struct TlsResponse {
        /// Cipher suite chosen by the server.
        tlsx_cipher_suite: Int = "tlsx && tlsx_cipher_suite == 0x1301";
        /// Application protocol agreed on.
        tlsx_alpn: Text = "tlsx && tlsx_alpn == \"h2\"";
        /// Version chosen by the server, as a number.
        tlsx_version: Int = "tlsx && tlsx_version > 0 && tlsx_version < 0x0303";
        /// Server name, ALPN or cipher suite: the first of them that is known.
        tlsx_summary: Text = "tlsx && tlsx_summary != \"\"";
        /// ClientHello, or ServerHello where that is all that was captured.
        tlsx_info: Text = "tlsx && tlsx_info == \"ServerHello\"";
        /// Version and cipher suite.
        tls_info: Text = "tls_info.contains(\"TLS 1.2\")";
        /// Bytes of the server's handshake.
        tls_response_size: Int = "tls_response_size > 1000";
        /// Version chosen by the server.
        tls_version: Text = "tlsx && tls_version == \"TLS 1.0\"";
        /// Cipher suite chosen by the server, by name.
        tls_cipher: Text = "tlsx && tls_cipher.contains(\"CBC\")";
        /// JA3S fingerprint of the server.
        tls_ja3s: Text = "tlsx && tls_ja3s != \"\"";
        /// Whether a session was resumed.
        tls_resumed: Bool = "tlsx && tls_resumed";
        /// Whether the server asked for another ClientHello.
        tls_retried: Bool = "tlsx && tls_retried";
        /// Whether both ends finished the handshake.
        tls_completed: Bool = "tlsx && !tls_completed";
        /// Alert that was sent in the clear, by name.
        tls_alert: Text = "tlsx && tls_alert == \"unknown_ca\"";
        /// Who sent the alert: client or server.
        tls_alert_by: Text = "tlsx && tls_alert_by == \"client\"";
        /// Subject of the server's certificate (up to TLS 1.2).
        tls_subject: Text = "tlsx && tls_subject.contains(\"CN=shop\")";
        /// Issuer of the server's certificate (up to TLS 1.2).
        tls_issuer: Text = "tlsx && tls_issuer == tls_subject";
        /// DNS names of the server's certificate (up to TLS 1.2).
        tls_names: List = "tlsx && size(tls_names) > 0 && !(tlsx_sni in tls_names)";
        /// Certificates that the server sent (up to TLS 1.2).
        tls_certificates: Int = "tlsx && tls_certificates > 3";
        /// When the server's certificate becomes valid (up to TLS 1.2).
        tls_not_before: Time = "tlsx && tls_certificates > 0 && tls_not_before > timestamp";
        /// When the server's certificate expires (up to TLS 1.2).
        tls_not_after: Time = "tlsx && tls_certificates > 0 && tls_not_after < timestamp";
        /// Whether the server asked for the client's certificate (up to TLS 1.2).
        tls_client_asked: Bool = "tlsx && tls_client_asked";
    }
}

const INT: FieldDef = FieldDef {
    name: "",
    ty: FieldType::Int,
    doc: "",
    example: "",
    origin: Origin::Declared,
    absent: 0,
};

pub const DERIVED: &[FieldDef] = &[
    FieldDef {
        name: "tls_total_size",
        doc: "Bytes of the handshake, both ways.",
        example: "tls_total_size > 1000",
        origin: Origin::Derived("tls_request_size + tls_response_size"),
        ..INT
    },
    FieldDef {
        name: "tls_handshake_us",
        doc: "Microseconds from the ClientHello until the handshake was over; 0 where it was not.",
        example: "tlsx && tls_handshake_us > 200000",
        origin: Origin::Derived("tls_completed ? elapsed_time : 0"),
        ..INT
    },
];
