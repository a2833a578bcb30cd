//! The fields of PostgreSQL calls. Their names are KFL's, with our own for what KFL leaves out.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A statement, with all messages that belong to it; or another request.
    pub struct PostgresqlRequest {
        /// Command tag without its counts, before it is known the statement's verb: `SELECT`.
        postgresql_command: Text = "postgresql && postgresql_command == \"SELECT\"";
        /// SQL, of a prepared statement where its preparation was seen; passwords masked.
        postgresql_query: Text = "postgresql && postgresql_query.contains(\"UNION SELECT\")";
        /// The SQL in lower case without literals.
        sql_fingerprint: Text = "sql_fingerprint == \"select * from orders where id = ?\"";
        /// Database, where the connection's start was seen.
        postgresql_database: Text = "postgresql && postgresql_database == \"shop\"";
        /// User, where the connection's start was seen.
        postgresql_user: Text = "postgresql && postgresql_user == \"app\"";
        /// Name that the client gave itself.
        postgresql_application: Text = "postgresql && postgresql_application.startsWith(\"psql\")";
        /// Name of the prepared statement.
        postgresql_statement: Text = "postgresql && postgresql_statement != \"\"";
        /// Bytes of the request's messages.
        postgresql_request_size: Int = "postgresql && postgresql_request_size > 100000";
        /// Protocol messages of the request.
        postgresql_request_messages: Int = "postgresql && postgresql_request_messages > 100";
    }

    /// What a server answered.
    pub struct PostgresqlResponse {
        /// Command tag without its counts, before it is known the statement's verb: `SELECT`.
        postgresql_command: Text = "postgresql && postgresql_command == \"SELECT\"";
        /// Whether there was no error.
        postgresql_success: Bool = "postgresql && has_response && !postgresql_success";
        /// SQLSTATE of the error.
        postgresql_error_code: Text = "postgresql && postgresql_error_code == \"40P01\"";
        /// The error in words.
        postgresql_error_message: Text = "postgresql && postgresql_error_message.contains(\"deadlock\")";
        /// ERROR, FATAL or PANIC.
        postgresql_severity: Text = "postgresql && postgresql_severity == \"FATAL\"";
        /// Last notice or warning.
        postgresql_notice: Text = "postgresql && postgresql_notice.contains(\"deprecated\")";
        /// Rows sent, or affected as the command tag says.
        postgresql_rows: Int = "postgresql && postgresql_rows > 10000";
        /// Columns of the rows.
        postgresql_columns: Int = "postgresql && postgresql_columns > 100";
        /// Whether the response's end was not captured.
        postgresql_response_cut: Bool = "postgresql && postgresql_response_cut";
        /// Bytes of the response's messages.
        postgresql_response_size: Int = "postgresql && postgresql_response_size > 1000000";
        /// Protocol messages of the response.
        postgresql_response_messages: Int = "postgresql && postgresql_response_messages > 10000";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "postgresql_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the request and the response.",
    example: "postgresql && postgresql_total_size > 1000000",
    origin: Origin::Derived("postgresql_request_size + postgresql_response_size"),
    absent: 0,
}];
