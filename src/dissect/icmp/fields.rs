//! The fields of ICMP calls. Type, version and length are KFL's, the rest is ours.

crate::fields! {
    /// A message of ICMP, which asks, answers or tells.
    pub struct IcmpMessage {
        /// Type in words, the request's where there is one: `echo request`, `destination unreachable`.
        icmp_type: Text = "icmp && icmp_type == \"destination unreachable\"";
        /// Code of the message.
        icmp_code: Int = "icmp && icmp_code == 3";
        /// What type and code say: `port unreachable`; empty unless it is an error.
        icmp_reason: Text = "icmp && icmp_reason == \"fragmentation needed\"";
        /// 4 or 6.
        icmp_version: Int = "icmp && icmp_version == 6";
        /// Bytes of the message that were captured.
        icmp_length: Int = "icmp && icmp_length > 100";
        /// Sequence number of an echo or another request with an answer.
        icmp_sequence: Int = "icmp && icmp_sequence > 100";
        /// Address of who reports an error about a packet; source and target of the entry are the packet's.
        icmp_reporter: Text = "icmp && icmp_reporter.startsWith(\"10.\")";
        /// The packet that an error quotes: transport, source and target.
        icmp_quoted: Text = "icmp && icmp_quoted.startsWith(\"TCP\")";
        /// Bytes of a packet that the next network takes, where an error tells it; else 0.
        icmp_mtu: Int = "icmp && icmp_mtu > 0 && icmp_mtu < 1500";
        /// The better next hop that a redirect names, or the neighbor that is asked for or tells of itself.
        icmp_target: Text = "icmp && icmp_target != \"\"";
    }
}
