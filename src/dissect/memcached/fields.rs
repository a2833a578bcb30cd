//! The fields of Memcached calls. KFL has none of its own; the names follow those of Redis.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A command.
    pub struct MemcachedRequest {
        /// Command, lower case; of the binary protocol without its quiet forms: `get`, `set`, `mg`.
        memcached_command: Text = "memcached && memcached_command == \"get\"";
        /// First 64 bytes of the first key.
        memcached_key: Text = "memcached && memcached_key.startsWith(\"session:\")";
        /// Keys asked for.
        memcached_keys: Int = "memcached && memcached_keys > 100";
        /// text, meta or binary.
        memcached_protocol: Text = "memcached && memcached_protocol == \"binary\"";
        /// Bytes of the command, its value included.
        memcached_request_size: Int = "memcached && memcached_request_size > 100000";
    }

    /// A reply.
    pub struct MemcachedResponse {
        /// First word of the reply, or name of the status: `STORED`, `NOT_FOUND`, `END`.
        memcached_status: Text = "memcached && memcached_status == \"NOT_STORED\"";
        /// Values in the reply.
        memcached_hits: Int = "memcached && memcached_command == \"get\" && memcached_hits == 0";
        /// Whether there was no error; a key that is not there is none.
        memcached_success: Bool = "memcached && has_response && !memcached_success";
        /// The error in words.
        memcached_error_message: Text = "memcached && memcached_error_message.contains(\"out of memory\")";
        /// Bytes of the reply.
        memcached_response_size: Int = "memcached && memcached_response_size > 1000000";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "memcached_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the command and the reply.",
    example: "memcached && memcached_total_size > 1000000",
    origin: Origin::Derived("memcached_request_size + memcached_response_size"),
    absent: 0,
}];
