//! The key of a conversation: both ends and the transport, the same for both directions.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

/// Transport of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proto {
    Tcp,
    Udp,
    Icmp,
    Sctp,
}

impl Proto {
    /// Value of KFL's `protocol` for connections.
    pub fn title(self) -> &'static str {
        match self {
            Proto::Tcp => "TCP",
            Proto::Udp => "UDP",
            Proto::Icmp => "ICMP",
            Proto::Sctp => "SCTP",
        }
    }

    /// The transport of this title.
    pub fn titled(title: &str) -> Option<Self> {
        [Proto::Tcp, Proto::Udp, Proto::Icmp, Proto::Sctp]
            .into_iter()
            .find(|proto| proto.title() == title)
    }
}

/// An address with a port; IPv4 is held in its v4-mapped form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub ip: u128,
    pub port: u16,
}

impl Endpoint {
    pub fn address(self) -> IpAddr {
        Ipv6Addr::from(self.ip).to_canonical()
    }
}

/// One end of a [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Low,
    High,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Side::Low => Side::High,
            Side::High => Side::Low,
        }
    }

    pub fn index(self) -> usize {
        self as usize
    }
}

/// Both ends in a fixed order, so that the two directions share one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub proto: Proto,
    pub low: Endpoint,
    pub high: Endpoint,
}

impl Key {
    /// The key, and which of its ends is `source`.
    pub fn new(proto: Proto, source: Endpoint, target: Endpoint) -> (Self, Side) {
        if source <= target {
            (Key { proto, low: source, high: target }, Side::Low)
        } else {
            (Key { proto, low: target, high: source }, Side::High)
        }
    }

    /// Whether its addresses are of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.low.ip >> 32 == 0xffff
    }

    pub fn end(&self, side: Side) -> Endpoint {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }

    /// The same on every machine and in every run: it decides which shard sees the conversation.
    pub fn shard(&self, shards: usize) -> usize {
        let fold = |e: Endpoint| (e.ip as u64) ^ ((e.ip >> 64) as u64) ^ (u64::from(e.port) << 40);
        let mixed = fold(self.low)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31)
            .wrapping_add(fold(self.high))
            .wrapping_mul(0xd6e8_feb8_6659_fd93);
        ((mixed >> 32) as usize ^ self.proto as usize) % shards.max(1)
    }

    /// Bytes that name the conversation in content-derived ids.
    pub fn bytes(&self) -> [u8; 37] {
        let mut out = [0; 37];
        let parts = [
            &[self.proto as u8][..],
            &self.low.ip.to_be_bytes(),
            &self.low.port.to_be_bytes(),
            &self.high.ip.to_be_bytes(),
            &self.high.port.to_be_bytes(),
        ];
        for (to, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        out
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low.ip);
        state.write_u128(self.high.ip);
        let ports = u32::from(self.low.port) << 16 | u32::from(self.high.port);
        state.write_u64(u64::from(ports) << 8 | self.proto as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key() {
        let a = Endpoint { ip: 0xffff_0a00_0001, port: 40000 };
        let b = Endpoint { ip: 0xffff_0a00_0002, port: 80 };
        let (key, from) = Key::new(Proto::Tcp, b, a);
        assert_eq!((key, from.other()), Key::new(Proto::Tcp, a, b));
        assert_eq!(key.end(from), b);
        assert_eq!(a.address().to_string(), "10.0.0.1");
    }
}
