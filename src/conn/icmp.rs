//! ICMP errors (RFC 792, RFC 4443) -> what they say about the connection whose packet they quote.

use super::Conn;
use crate::packet::Packet;

/// The first ICMP error about a connection, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpErrors {
    pub count: u32,
    pub kind: u8,
    pub code: u8,
    pub meaning: Meaning,
}

/// Declares the meanings once: variant, name in results.
macro_rules! meanings {
    ($($variant:ident $name:literal;)*) => {
        /// What an ICMP error says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Meaning { $($variant,)* }

        impl Meaning {
            /// Value of `conn_icmp_error`.
            pub fn name(self) -> &'static str {
                match self { $(Meaning::$variant => $name,)* }
            }
        }
    };
}

meanings! {
    NetUnreachable "net unreachable";
    HostUnreachable "host unreachable";
    ProtocolUnreachable "protocol unreachable";
    PortUnreachable "port unreachable";
    FragmentationNeeded "fragmentation needed";
    Prohibited "prohibited";
    TimeExceeded "time exceeded";
    ParameterProblem "parameter problem";
    SourceQuench "source quench";
    Redirect "redirect";
    Unreachable "unreachable";
}

impl Meaning {
    /// Of a type and code of ICMP, or ICMPv6.
    pub fn of(ipv4: bool, kind: u8, code: u8) -> Meaning {
        match (ipv4, kind, code) {
            (true, 3, 0 | 6 | 8 | 11) | (false, 1, 0) => Meaning::NetUnreachable,
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => Meaning::HostUnreachable,
            (true, 3, 2) | (false, 4, 1) => Meaning::ProtocolUnreachable,
            (true, 3, 3) | (false, 1, 4) => Meaning::PortUnreachable,
            (true, 3, 4) | (false, 2, _) => Meaning::FragmentationNeeded,
            (true, 3, 9 | 10 | 13) | (false, 1, 1 | 5 | 6) => Meaning::Prohibited,
            (true, 11, _) | (false, 3, _) => Meaning::TimeExceeded,
            (true, 12, _) | (false, 4, _) => Meaning::ParameterProblem,
            (true, 4, _) => Meaning::SourceQuench,
            (true, 5, _) => Meaning::Redirect,
            _ => Meaning::Unreachable,
        }
    }

    /// Whether it turns the caller away.
    fn refuses(self) -> bool {
        use Meaning::{PortUnreachable, Prohibited, ProtocolUnreachable};
        matches!(self, PortUnreachable | ProtocolUnreachable | Prohibited)
    }
}

impl Conn {
    /// Takes in an error about one of its packets. The error is no packet of the connection.
    pub(super) fn icmp_error(&mut self, packet: &Packet, kind: u8, code: u8) {
        let meaning = Meaning::of(packet.key.is_ipv4(), kind, code);
        let new = IcmpErrors { count: 0, kind, code, meaning };
        self.icmp_errors.get_or_insert(new).count += 1;
        // Who has got an answer was not turned away, at least not this time.
        let answers = self.packets.get(self.client.other().index());
        if meaning.refuses() && packet.from != self.client && answers == Some(&0) {
            self.refused = true;
        }
    }
}
