//! The fields of MongoDB calls. Their names are KFL's, with our own for what KFL leaves out.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A command, or an operation of the older protocol.
    pub struct MongodbRequest {
        /// Command: `find`, `insert`, `hello`.
        mongodb_command: Text = "mongodb && mongodb_command == \"find\"";
        /// Database.
        mongodb_database: Text = "mongodb && mongodb_database == \"shop\"";
        /// Collection.
        mongodb_collection: Text = "mongodb && mongodb_collection == \"users\"";
        /// Opcode of the message: `OP_MSG`, `OP_QUERY`; of what is inside a compressed one.
        mongodb_opcode: Text = "mongodb && mongodb_opcode == \"OP_MSG\"";
        /// How the message was compressed: snappy zlib zstd.
        mongodb_compression: Text = "mongodb && mongodb_compression == \"zstd\"";
        /// Bytes of the request.
        mongodb_request_size: Int = "mongodb && mongodb_request_size > 100000";
    }

    /// What a server answered.
    pub struct MongodbResponse {
        /// Opcode of the message: `OP_MSG`, `OP_QUERY`; of what is inside a compressed one.
        mongodb_opcode: Text = "mongodb && mongodb_opcode == \"OP_MSG\"";
        /// Whether the command succeeded, its writes too.
        mongodb_success: Bool = "mongodb && has_response && !mongodb_success";
        /// Error code.
        mongodb_error_code: Int = "mongodb && mongodb_error_code == 11000";
        /// Name of the error: `NotWritablePrimary`.
        mongodb_error_code_name: Text = "mongodb && mongodb_error_code_name == \"DuplicateKey\"";
        /// The error in words.
        mongodb_error_message: Text = "mongodb && mongodb_error_message != \"\"";
        /// Documents in the answer, or changed as the server counts.
        mongodb_documents: Int = "mongodb && mongodb_documents > 1000";
        /// Bytes of the response.
        mongodb_response_size: Int = "mongodb && mongodb_response_size > 1000000";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "mongodb_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the request and the response.",
    example: "mongodb && mongodb_total_size > 1000000",
    origin: Origin::Derived("mongodb_request_size + mongodb_response_size"),
    absent: 0,
}];
