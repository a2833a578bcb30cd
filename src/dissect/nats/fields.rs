//! The fields of NATS calls. KFL has none of its own.

crate::fields! {
    /// A message to a subject, or another operation of the protocol.
    pub struct NatsRequest {
        /// Operation, upper case: PUB MSG SUB UNSUB CONNECT INFO PING.
        nats_operation: Text = "nats && nats_operation == \"PUB\"";
        /// Subject.
        nats_subject: Text = "nats && nats_subject.startsWith(\"orders.\")";
        /// Subject that the answer goes to.
        nats_reply_to: Text = "nats && nats_reply_to != \"\"";
        /// Queue group of a subscription.
        nats_queue: Text = "nats && nats_queue != \"\"";
        /// JetStream: stream or API that the subject names.
        nats_jetstream: Text = "nats && nats_jetstream == \"STREAM.INFO\"";
        /// Name that the client gave itself, or the server's.
        nats_name: Text = "nats && nats_name == \"billing\"";
        /// Headers of the message; names as written, secrets masked.
        nats_headers: Pairs = "nats && \"Nats-Msg-Id\" in nats_headers";
        /// Bytes of the message's content.
        nats_payload_size: Int = "nats && nats_payload_size > 100000";
        /// Bytes of the operation.
        nats_request_size: Int = "nats && nats_request_size > 100000";
    }

    /// The message to a reply subject, or the server's answer.
    pub struct NatsResponse {
        /// Error of the server, of JetStream, or the status of a message without content.
        nats_error: Text = "nats && nats_error.contains(\"Authorization\")";
        /// Bytes of the answer.
        nats_response_size: Int = "nats && nats_response_size > 100000";
    }
}
