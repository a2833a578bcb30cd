//! The fields of WebSocket messages. Their names are KFL's where it has them.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A message, a control frame, or the opening of a connection.
    pub struct WsMessage {
        /// text, binary, close, ping or pong; open for the upgrade itself.
        ws_opcode: Text = "ws && ws_opcode == \"close\"";
        /// Whether the client sent it.
        ws_request: Bool = "ws && ws_request";
        /// Whether the server sent it.
        ws_response: Bool = "ws && ws_response";
        /// Beginning of the payload when the client sent text, secrets masked.
        ws_request_payload_data: Text = "ws && ws_request_payload_data.contains(\"subscribe\")";
        /// Beginning of the payload when the server sent text, secrets masked.
        ws_response_payload_data: Text = "ws && ws_response_payload_data.contains(\"error\")";
        /// Payload bytes from the client, after decompression where that was possible.
        ws_request_payload_length: Int = "ws && ws_request_payload_length > 1000";
        /// Payload bytes from the server, after decompression where that was possible.
        ws_response_payload_length: Int = "ws && ws_response_payload_length > 1000";
        /// Frames that the message came in.
        ws_frames: Int = "ws && ws_frames > 1";
        /// 1 for the opening of a connection, 0 for messages.
        ws_upgrades: Int = "ws && ws_upgrades == 1";
        /// Whether the message was compressed (permessage-deflate).
        ws_compressed: Bool = "ws && ws_compressed";
        /// Status code of a close frame, 0 without one.
        ws_close_code: Int = "ws && ws_close_code == 1011";
        /// Reason in a close frame.
        ws_close_reason: Text = "ws && ws_close_reason.contains(\"timeout\")";
        /// Sub-protocol that both ends agreed on.
        ws_subprotocol: Text = "ws && ws_subprotocol == \"graphql-transport-ws\"";
        /// Path of the request that opened the connection, secrets masked.
        ws_path: Text = "ws && ws_path.startsWith(\"/chat\")";
        /// Type of a message of GraphQL over WebSocket: subscribe, next, error, complete.
        ws_graphql_type: Text = "ws && ws_graphql_type == \"error\"";
        /// Fields at the root of the GraphQL operation that the message asks for.
        ws_graphql_fields: List = "ws && \"ticks\" in ws_graphql_fields";
        /// GraphQL errors in the message.
        ws_graphql_errors: Int = "ws && ws_graphql_errors > 0";
        /// Whether it ended before all of it was captured.
        ws_cut: Bool = "ws && ws_cut";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "ws_payload_length",
    ty: FieldType::Int,
    doc: "Payload bytes of the message, whoever sent it.",
    example: "ws && ws_payload_length > 65536",
    origin: Origin::Derived("ws_request_payload_length + ws_response_payload_length"),
    absent: 0,
}];
