//! The fields of AMQP calls. Their names are KFL's, with our own for what KFL leaves out.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A method, with the content that follows it.
    pub struct AmqpRequest {
        /// Class and method: `basic.publish`.
        amqp_method: Text = "amqp && amqp_method == \"basic.publish\"";
        /// Exchange and routing key, queue, or virtual host.
        amqp_summary: Text = "amqp && amqp_summary.contains(\"orders\")";
        /// Whether the request was captured.
        amqp_request: Bool = "amqp && amqp_request";
        /// Channel, 0 for the connection itself.
        amqp_channel: Int = "amqp && amqp_channel == 1";
        /// Exchange.
        amqp_exchange: Text = "amqp && amqp_exchange == \"events\"";
        /// Routing key.
        amqp_routing_key: Text = "amqp && amqp_routing_key.startsWith(\"orders.\")";
        /// Queue.
        amqp_queue: Text = "amqp && amqp_queue == \"billing\"";
        /// Consumer tag.
        amqp_consumer_tag: Text = "amqp && amqp_consumer_tag != \"\"";
        /// Delivery tag, counted by us for publishes that are confirmed.
        amqp_delivery_tag: Int = "amqp && amqp_delivery_tag > 1000";
        /// Whether a message was delivered before.
        amqp_redelivered: Bool = "amqp && amqp_redelivered";
        /// Bytes of the message's content as its header says.
        amqp_body_size: Int = "amqp && amqp_body_size > 100000";
        /// Content type of the message.
        amqp_content_type: Text = "amqp && amqp_content_type == \"application/json\"";
        /// Code with which a channel or connection is closed or a message returned.
        amqp_reply_code: Int = "amqp && amqp_reply_code == 404";
        /// The same in words.
        amqp_reply_text: Text = "amqp && amqp_reply_text.contains(\"NOT_FOUND\")";
        /// Bytes of all frames of the request.
        amqp_request_length: Int = "amqp && amqp_request_length > 1000";
    }

    /// What answers a method.
    pub struct AmqpResponse {
        /// Method of the answer: `queue.declare-ok`, `basic.ack`.
        amqp_response_method: Text = "amqp && amqp_response_method == \"basic.nack\"";
        /// Whether the response was captured.
        amqp_response: Bool = "amqp && amqp_response";
        /// Channel, 0 for the connection itself.
        amqp_channel: Int = "amqp && amqp_channel == 1";
        /// Code with which a channel or connection is closed or a message returned.
        amqp_reply_code: Int = "amqp && amqp_reply_code == 404";
        /// The same in words.
        amqp_reply_text: Text = "amqp && amqp_reply_text.contains(\"NOT_FOUND\")";
        /// Bytes of all frames of the response.
        amqp_response_length: Int = "amqp && amqp_response_length > 1000";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "amqp_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the request and the response.",
    example: "amqp && amqp_total_size > 1000",
    origin: Origin::Derived("amqp_request_length + amqp_response_length"),
    absent: 0,
}];
