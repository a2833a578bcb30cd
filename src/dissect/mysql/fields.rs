//! The fields of MySQL and MariaDB calls. Their names are KFL's, with our own for what KFL leaves
//! out.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// A command of a client, or its login.
    pub struct MysqlRequest {
        /// Name of the command: `COM_QUERY`, `COM_STMT_EXECUTE`; `LOGIN` for the handshake.
        mysql_command: Text = "mysql && mysql_command == \"COM_QUERY\"";
        /// SQL, of a prepared statement where its preparation was seen; passwords masked.
        mysql_query: Text = "mysql && mysql_query.contains(\"SELECT\")";
        /// The SQL in lower case without literals.
        sql_fingerprint: Text = "sql_fingerprint == \"select * from orders where id = ?\"";
        /// Database in use, where its choice was seen.
        mysql_database: Text = "mysql && mysql_database == \"shop\"";
        /// User, where the login was seen.
        mysql_user: Text = "mysql && mysql_user == \"app\"";
        /// Id of the prepared statement.
        mysql_statement_id: Int = "mysql && mysql_statement_id != 0";
        /// Bytes of the command.
        mysql_request_size: Int = "mysql && mysql_request_size > 100000";
    }

    /// What a server answered.
    pub struct MysqlResponse {
        /// Id of the prepared statement.
        mysql_statement_id: Int = "mysql && mysql_statement_id != 0";
        /// Whether there was no error.
        mysql_success: Bool = "mysql && has_response && !mysql_success";
        /// Number of the error.
        mysql_error_code: Int = "mysql && mysql_error_code == 1213";
        /// SQLSTATE of the error.
        mysql_sqlstate: Text = "mysql && mysql_sqlstate == \"40001\"";
        /// The error in words.
        mysql_error_message: Text = "mysql && mysql_error_message.contains(\"Deadlock\")";
        /// Rows sent.
        mysql_rows: Int = "mysql && mysql_rows > 10000";
        /// Columns of the rows, or of a prepared statement.
        mysql_columns: Int = "mysql && mysql_columns > 100";
        /// Rows changed.
        mysql_affected_rows: Int = "mysql && mysql_affected_rows > 1000";
        /// Warnings counted by the server.
        mysql_warnings: Int = "mysql && mysql_warnings > 0";
        /// Result sets of the answer.
        mysql_results: Int = "mysql && mysql_results > 1";
        /// Version that the server's greeting tells.
        mysql_server_version: Text = "mysql && mysql_server_version.contains(\"MariaDB\")";
        /// Whether the response's end was not captured.
        mysql_response_cut: Bool = "mysql && mysql_response_cut";
        /// Bytes of the response.
        mysql_response_size: Int = "mysql && mysql_response_size > 1000000";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "mysql_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the command and its answer.",
    example: "mysql && mysql_total_size > 1000000",
    origin: Origin::Derived("mysql_request_size + mysql_response_size"),
    absent: 0,
}];
