//! The fields of SOCKS calls. KFL has none of its own.

crate::fields! {
    /// What a client asked a proxy for.
    pub struct SocksRequest {
        /// CONNECT, BIND, UDP_ASSOCIATE.
        socks_command: Text = "socks && socks_command == \"CONNECT\"";
        /// Host name or address asked for.
        socks_host: Text = "socks && socks_host.endsWith(\".onion\")";
        /// Port asked for.
        socks_port: Int = "socks && socks_port == 443";
        /// Ways to prove itself that the client offered: none, gssapi, password.
        socks_methods: List = "socks && \"password\" in socks_methods";
        /// Name of the user; the password is not kept.
        socks_user: Text = "socks && socks_user != \"\"";
    }

    /// What the proxy said.
    pub struct SocksResponse {
        /// Way to prove itself that the proxy chose: none, gssapi, password; refused if it takes none.
        socks_method: Text = "socks && socks_method == \"none\"";
        /// The reply's name: succeeded, connection_refused, host_unreachable.
        socks_reply: Text = "socks && socks_reply == \"host_unreachable\"";
        /// Host or address that the proxy speaks from.
        socks_bound_host: Text = "socks && socks_bound_host != \"0.0.0.0\"";
        /// Port that the proxy speaks from.
        socks_bound_port: Int = "socks && socks_bound_port > 0";
    }
}
