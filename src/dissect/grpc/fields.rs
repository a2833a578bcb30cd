//! What gRPC adds to the fields of HTTP/2.

use super::super::http2::{REQUEST as HTTP_REQUEST, RESPONSE as HTTP_RESPONSE};
use crate::field::{FieldDef, concat};

crate::fields! {
    /// What a client called.
    pub struct GrpcRequest {
        /// Service with its package.
        grpc_service: Text = "grpc && grpc_service == \"shop.Cart\"";
        /// Method, the path's last segment.
        grpc_method: Text = "grpc && grpc_method == \"SayHello\"";
        /// Microseconds that the caller grants, of `grpc-timeout`; 0 without one.
        grpc_timeout_us: Int = "grpc && elapsed_time > grpc_timeout_us";
        /// How the request's messages are compressed.
        grpc_request_encoding: Text = "grpc && grpc_request_encoding == \"gzip\"";
        /// Messages that the client sent.
        grpc_request_messages: Int = "grpc && grpc_request_messages > 1";
        /// Bytes of the client's messages as they were sent, without their prefixes.
        grpc_request_message_bytes: Int = "grpc && grpc_request_message_bytes > 1000000";
        /// Messages of the client that were compressed.
        grpc_request_compressed: Int = "grpc && grpc_request_compressed > 0";
    }

    /// What a server answered.
    pub struct GrpcResponse {
        /// Status of the trailer; -1 where there is none.
        grpc_status: Int = "grpc && grpc_status > 0";
        /// Message of the trailer, percent-decoded.
        grpc_message: Text = "grpc && grpc_message.contains(\"deadline\")";
        /// How the response's messages are compressed.
        grpc_response_encoding: Text = "grpc && grpc_response_encoding == \"gzip\"";
        /// Messages that the server sent.
        grpc_response_messages: Int = "grpc && grpc_response_messages > 1";
        /// Bytes of the server's messages as they were sent, without their prefixes.
        grpc_response_message_bytes: Int = "grpc && grpc_response_message_bytes > 1000000";
        /// Messages of the server that were compressed.
        grpc_response_compressed: Int = "grpc && grpc_response_compressed > 0";
    }
}

const REQUEST_COUNT: usize = HTTP_REQUEST.len() + GrpcRequest::FIELDS.len();
const RESPONSE_COUNT: usize = HTTP_RESPONSE.len() + GrpcResponse::FIELDS.len();

pub static REQUEST: [FieldDef; REQUEST_COUNT] = concat(&HTTP_REQUEST, GrpcRequest::FIELDS);
pub static RESPONSE: [FieldDef; RESPONSE_COUNT] = response();

/// Calls of other protocols, and those without a trailer, have the status -1.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler
const fn response() -> [FieldDef; RESPONSE_COUNT] {
    let mut fields = concat(&HTTP_RESPONSE, GrpcResponse::FIELDS);
    fields[HTTP_RESPONSE.len()].absent = -1;
    fields
}
