//! What HTTP/2 adds to the fields of HTTP.

use super::super::http::{HttpRequest, HttpResponse};
use crate::field::{FieldDef, Joined, concat};

crate::fields! {
    /// Of a stream, with its request.
    pub struct StreamRequest {
        /// Number of the stream of HTTP/2 or HTTP/3.
        http2_stream: Int = "http && http2_stream > 1000";
        /// Whether the server pushed the response: it made up the request itself.
        http2_pushed: Bool = "http && http2_pushed";
        /// Headers that refer to a part of the connection that was not captured.
        http2_unknown_headers: Int = "http && http2_unknown_headers > 0";
    }

    /// Of a stream, with its response.
    pub struct StreamResponse {
        /// Number of the stream of HTTP/2 or HTTP/3.
        http2_stream: Int = "http && http2_stream > 1000";
        /// Error code of the RST_STREAM or GOAWAY that ended the stream.
        http2_error: Text = "http && http2_error == \"REFUSED_STREAM\"";
        /// Headers that refer to a part of the connection that was not captured.
        http2_unknown_headers: Int = "http && http2_unknown_headers > 0";
    }
}

/// A row of a request.
pub type Http2Request = Joined<HttpRequest, StreamRequest>;
/// A row of a response.
pub type Http2Response = Joined<HttpResponse, StreamResponse>;

const REQUEST_COUNT: usize = HttpRequest::FIELDS.len() + StreamRequest::FIELDS.len();
const RESPONSE_COUNT: usize = HttpResponse::FIELDS.len() + StreamResponse::FIELDS.len();

pub static REQUEST: [FieldDef; REQUEST_COUNT] = concat(HttpRequest::FIELDS, StreamRequest::FIELDS);
pub static RESPONSE: [FieldDef; RESPONSE_COUNT] =
    concat(HttpResponse::FIELDS, StreamResponse::FIELDS);
