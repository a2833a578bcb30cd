//! The fields of Redis calls. Their names are KFL's, with our own for errors.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A command, or a message that a server pushes.
    pub struct RedisRequest {
        /// Verb of the command, upper case.
        redis_type: Text = "redis && redis_type == \"GET\"";
        /// The command in one line, long values cut, passwords masked.
        redis_command: Text = "redis && redis_command.contains(\"CONFIG SET dir\")";
        /// First 64 bytes of the command's first key or channel.
        redis_key: Text = "redis && redis_key.startsWith(\"session:\")";
        /// Bytes of the command on the wire.
        redis_request_size: Int = "redis && redis_request_size > 100000";
    }

    /// A reply.
    pub struct RedisResponse {
        /// Type of the reply: simple_string error integer bulk_string array null map set ...
        redis_response_type: Text = "redis && redis_response_type == \"null\"";
        /// Bytes of the reply on the wire.
        redis_response_size: Int = "redis && redis_response_size > 100000";
        /// First word of an error reply: `OOM`, `WRONGTYPE`, `MOVED`.
        redis_error: Text = "redis && redis_error == \"OOM\"";
        /// First 256 bytes of an error reply.
        redis_error_message: Text = "redis && redis_error_message.contains(\"maxmemory\")";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "redis_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the command and the reply on the wire.",
    example: "redis && redis_total_size > 10000",
    origin: Origin::Derived("redis_request_size + redis_response_size"),
    absent: 0,
}];
