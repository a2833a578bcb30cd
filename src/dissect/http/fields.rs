//! The fields of HTTP calls, shared by every version of HTTP. Their names are KFL's.

crate::fields! {
    /// What a client asked.
    pub struct HttpRequest {
        /// Method of the request.
        method: Text = "http && method == \"GET\"";
        /// Path and query string of the request, secrets masked.
        url: Text = "http && url.matches(\".*/api/v[0-9]+/users.*\")";
        /// Path of the request.
        path: Text = "http && path.startsWith(\"/api/v1/orders\")";
        /// Version of the protocol.
        http_version: Text = "http_version == \"HTTP/1.1\"";
        /// Host (and port) that the request names.
        host: Text = "http && host == \"api.example.com\"";
        /// Query parameters, percent-decoded, secrets masked.
        query_string: Pairs = "http && map_get(query_string, \"id\", \"\") == \"123\"";
        /// Request headers with lower-case names, repeated ones joined by `,`, secrets masked.
        request_headers: Pairs "request.headers" = "http && \"authorization\" in request.headers";
        /// Names of the request's cookies with their masked values.
        request_cookies: Pairs "request.cookies" = "http && \"session\" in request.cookies";
        /// Bytes of the request's start line and headers.
        request_headers_size: Int = "http && request_headers_size > 8000";
        /// Bytes of the request's body on the wire, without the framing of chunks.
        request_body_size: Int = "http && request_body_size > 1000000";
        /// Media type of the request's body, lower case.
        request_content_type: Text = "request_content_type == \"application/json\"";
        /// First 256 bytes of the request's body when it is text, secrets masked.
        request_body: Text = "http && request_body.contains(\"select\")";
        /// Values of the request's JSON body that `--correlate json:/PATH` names, by path.
        request_json: Pairs "request.json" = "http && map_get(request.json, \"/order/id\", \"\") == \"17\"";
        /// Software that the client says it is.
        user_agent: Text = "http && user_agent.contains(\"curl\")";
        /// Whether the request ended before all that its head announces was captured.
        request_cut: Bool = "http && request_cut";
    }

    /// What a server answered.
    pub struct HttpResponse {
        /// Version of the protocol.
        http_version: Text = "http_version == \"HTTP/1.1\"";
        /// Reason phrase of the response.
        status_text: Text = "http && status_text == \"Service Unavailable\"";
        /// Response headers with lower-case names, repeated ones joined by `,`, secrets masked.
        response_headers: Pairs "response.headers" = "http && \"retry-after\" in response.headers";
        /// Names of the cookies that the response sets with their masked values.
        response_cookies: Pairs "response.cookies" = "http && \"session\" in response.cookies";
        /// Bytes of the response's start line and headers.
        response_headers_size: Int = "http && response_headers_size > 8000";
        /// Bytes of the response's body on the wire, without the framing of chunks.
        response_body_size: Int = "http && response_body_size > 1000000";
        /// Media type of the response's body, lower case.
        response_content_type: Text = "response_content_type == \"text/html\"";
        /// First 256 bytes of an error's body when it is text, secrets masked.
        response_body: Text = "http && response_body.contains(\"upstream\")";
        /// Whether the response ended before all that its head announces was captured.
        response_cut: Bool = "http && response_cut";
    }
}
