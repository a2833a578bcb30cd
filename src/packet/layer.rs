//! What a frame is made of: the layers it holds, and the tunnel around its packet.

/// Layers that a frame holds at least once, as a bit set. Those inside tunnels and those that an
/// ICMP error quotes count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layers(u8);

/// Names of the layers, in the order of their bits.
pub const LAYER_NAMES: [&str; 7] = ["ip", "ipv6", "tcp", "udp", "icmp", "icmpv6", "sctp"];

impl Layers {
    pub const IPV4: Layers = Layers(1);
    pub const IPV6: Layers = Layers(2);
    pub const TCP: Layers = Layers(4);
    pub const UDP: Layers = Layers(8);
    pub const ICMP: Layers = Layers(16);
    pub const ICMPV6: Layers = Layers(32);
    pub const SCTP: Layers = Layers(64);

    pub(super) fn add(&mut self, layers: Layers) {
        self.0 |= layers.0;
    }

    /// Whether the layer at this position of [`LAYER_NAMES`] is there.
    pub fn has(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }
}

/// Declares the tunnels once: variant, name in results, what it is.
macro_rules! tunnels {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// The outermost encapsulation around a packet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum Tunnel {
            #[doc = "No tunnel."]
            #[default]
            None,
            $(#[doc = $doc] $variant,)*
        }

        impl Tunnel {
            /// Every tunnel that can be named.
            pub const ALL: &'static [Tunnel] = &[$(Tunnel::$variant,)*];

            /// The name used in every output; empty where there is none.
            pub fn name(self) -> &'static str {
                match self { Tunnel::None => "", $(Tunnel::$variant => $name,)* }
            }
        }
    };
}

tunnels! {
    Vxlan "vxlan" "VXLAN (RFC 7348): Ethernet in UDP.";
    Geneve "geneve" "Geneve (RFC 8926): anything in UDP.";
    IpIp "ipip" "IPv4 in IPv4 (RFC 2003).";
    SixInFour "6in4" "IPv6 in IPv4 (RFC 4213).";
    FourInSix "4in6" "IPv4 in IPv6 (RFC 2473).";
    SixInSix "6in6" "IPv6 in IPv6 (RFC 2473).";
    Gre "gre" "GRE (RFC 2784, RFC 2890) and PPTP's variant (RFC 2637).";
    Erspan "erspan" "ERSPAN: mirrored Ethernet in GRE.";
    EtherIp "etherip" "EtherIP (RFC 3378): Ethernet in IP.";
    Mpls "mpls" "MPLS in IP (RFC 4023) or in UDP (RFC 7510).";
    Gtp "gtp" "GTP-U (3GPP TS 29.281): IP in UDP.";
    Teredo "teredo" "Teredo (RFC 4380): IPv6 in UDP.";
    WireGuard "wireguard" "WireGuard: encrypted IP in UDP, not opened.";
    Ipsec "ipsec" "ESP in UDP (RFC 3948): encrypted IP, not opened.";
}

impl Tunnel {
    /// Whether what it carries cannot be read: the packet is then the tunnel's own.
    pub fn encrypted(self) -> bool {
        matches!(self, Tunnel::WireGuard | Tunnel::Ipsec)
    }

    /// The outermost of two, `self` being around `inner`.
    pub(super) fn around(self, inner: Tunnel) -> Tunnel {
        if self == Tunnel::None { inner } else { self }
    }
}
