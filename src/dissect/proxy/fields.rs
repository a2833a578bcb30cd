//! The fields of PROXY headers. KFL has none of its own.

crate::fields! {
    /// What a proxy says of the connection that it passes on.
    pub struct ProxyHeader {
        /// Version of the header: 1 (text) or 2 (binary).
        proxy_version: Int = "proxy && proxy_version == 1";
        /// PROXY, or LOCAL where the proxy speaks for itself (a health check).
        proxy_command: Text = "proxy && proxy_command == \"LOCAL\"";
        /// What is passed on: TCP4, TCP6, UDP4, UDP6, UNIX, UNKNOWN.
        proxy_transport: Text = "proxy && proxy_transport == \"TCP6\"";
        /// Address of the client, as the proxy saw it.
        proxy_client_ip: Text = "proxy && proxy_client_ip == \"203.0.113.7\"";
        /// Port of the client, as the proxy saw it.
        proxy_client_port: Int = "proxy && proxy_client_port > 1024";
        /// Address that the client connected to.
        proxy_server_ip: Text = "proxy && proxy_server_ip.startsWith(\"10.\")";
        /// Port that the client connected to.
        proxy_server_port: Int = "proxy && proxy_server_port == 443";
        /// Host name that the client asked for (SNI), where the proxy passes it on.
        proxy_authority: Text = "proxy && proxy_authority == \"shop.example\"";
        /// Application protocol that was agreed on with the client.
        proxy_alpn: Text = "proxy && proxy_alpn == \"h2\"";
        /// Version of TLS between the client and the proxy.
        proxy_tls_version: Text = "proxy && proxy_tls_version == \"TLSv1.3\"";
        /// Common name of the client's certificate.
        proxy_client_subject: Text = "proxy && proxy_client_subject != \"\"";
    }
}
