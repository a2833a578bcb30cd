//! What GraphQL adds to the fields of HTTP. KFL has none of its own.

use super::super::http::{HttpRequest, HttpResponse};
use super::super::http2::{REQUEST as HTTP2_REQUEST, RESPONSE as HTTP2_RESPONSE};
use crate::field::{FieldDef, concat};

crate::fields! {
    /// What a client asked.
    pub struct GqlRequest {
        /// query, mutation, subscription; empty where only the hash of a query was sent.
        gql_operation_type: Text = "gql && gql_operation_type == \"mutation\"";
        /// Name of the operation, empty where it has none.
        gql_operation_name: Text = "gql && gql_operation_name == \"Orders\"";
        /// Fields asked for at the root of the operation.
        gql_fields: List = "gql && \"orders\" in gql_fields";
        /// Operations in the request: more than 1 in a batch.
        gql_operations: Int = "gql && gql_operations > 1";
        /// Hash of a persisted query.
        gql_persisted_query: Text = "gql && gql_persisted_query != \"\"";
    }

    /// What a server answered.
    pub struct GqlResponse {
        /// Errors in the answer, whatever its status.
        gql_errors: Int = "gql && gql_errors > 0";
        /// Message of the first error.
        gql_error_message: Text = "gql && gql_error_message.contains(\"timeout\")";
        /// Code of the first error (`extensions.code`).
        gql_error_code: Text = "gql && gql_error_code == \"UNAUTHENTICATED\"";
        /// Whether there are data besides the errors.
        gql_partial: Bool = "gql && gql_partial";
    }
}

const REQUEST_1_COUNT: usize = HttpRequest::FIELDS.len() + GqlRequest::FIELDS.len();
const RESPONSE_1_COUNT: usize = HttpResponse::FIELDS.len() + GqlResponse::FIELDS.len();
const REQUEST_2_COUNT: usize = HTTP2_REQUEST.len() + GqlRequest::FIELDS.len();
const RESPONSE_2_COUNT: usize = HTTP2_RESPONSE.len() + GqlResponse::FIELDS.len();

pub static REQUEST_1: [FieldDef; REQUEST_1_COUNT] = concat(HttpRequest::FIELDS, GqlRequest::FIELDS);
pub static RESPONSE_1: [FieldDef; RESPONSE_1_COUNT] =
    concat(HttpResponse::FIELDS, GqlResponse::FIELDS);
pub static REQUEST_2: [FieldDef; REQUEST_2_COUNT] = concat(&HTTP2_REQUEST, GqlRequest::FIELDS);
pub static RESPONSE_2: [FieldDef; RESPONSE_2_COUNT] = concat(&HTTP2_RESPONSE, GqlResponse::FIELDS);
