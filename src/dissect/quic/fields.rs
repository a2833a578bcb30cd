//! What QUIC adds to the fields of TLS handshakes.

use super::super::tls::{TlsRequest, TlsResponse};
use crate::field::{FieldDef, concat};

crate::fields! {
    /// Of the client's Initial packets.
    pub struct QuicRequest {
        /// Version of QUIC: 1, 2 or the number of another one.
        quic_version: Text = "quic && quic_version == \"1\"";
        /// Connection id that the client chose for the server, hexadecimal.
        quic_connection: Text = "quic && quic_connection != \"\"";
        /// Whether the server asked for a token first (Retry).
        quic_retried: Bool = "quic && quic_retried";
    }

    /// Of the server's Initial packets.
    pub struct QuicResponse {
        /// Transport error that closed the connection in its handshake.
        quic_error: Text = "quic && quic_error == \"CONNECTION_REFUSED\"";
        /// Reason given with it.
        quic_reason: Text = "quic && quic_reason.contains(\"limit\")";
    }
}

const REQUEST_COUNT: usize = TlsRequest::FIELDS.len() + QuicRequest::FIELDS.len();
const RESPONSE_COUNT: usize = TlsResponse::FIELDS.len() + QuicResponse::FIELDS.len();

pub static REQUEST: [FieldDef; REQUEST_COUNT] = concat(TlsRequest::FIELDS, QuicRequest::FIELDS);
pub static RESPONSE: [FieldDef; RESPONSE_COUNT] = concat(TlsResponse::FIELDS, QuicResponse::FIELDS);
