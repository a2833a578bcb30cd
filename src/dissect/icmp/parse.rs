//! Bytes -> a message of ICMP (RFC 792, RFC 4443, RFC 4861, RFC 8335), and the packet that an error
//! quotes. Checksums are not verified; extensions behind the quote (RFC 4884) are not read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a type does, and of which pair it is where it asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Asks(&'static str),
    Answers(&'static str),
    /// Tells of a packet that it quotes.
    Reports,
    Tells,
}

use Role::{Answers, Asks, Reports, Tells};

/// Types of ICMP (IANA "ICMP Parameters").
const TYPES_4: &[(u8, &str, Role)] = &[
    (0, "echo reply", Answers("echo")),
    (3, "destination unreachable", Reports),
    (4, "source quench", Reports),
    (5, "redirect", Reports),
    (8, "echo request", Asks("echo")),
    (9, "router advertisement", Tells),
    (10, "router solicitation", Tells),
    (11, "time exceeded", Reports),
    (12, "parameter problem", Reports),
    (13, "timestamp request", Asks("timestamp")),
    (14, "timestamp reply", Answers("timestamp")),
    (15, "information request", Asks("information")),
    (16, "information reply", Answers("information")),
    (17, "address mask request", Asks("address mask")),
    (18, "address mask reply", Answers("address mask")),
    (42, "extended echo request", Asks("extended echo")),
    (43, "extended echo reply", Answers("extended echo")),
];

/// Types of ICMPv6 (IANA "ICMPv6 Parameters").
const TYPES_6: &[(u8, &str, Role)] = &[
    (1, "destination unreachable", Reports),
    (2, "packet too big", Reports),
    (3, "time exceeded", Reports),
    (4, "parameter problem", Reports),
    (128, "echo request", Asks("echo")),
    (129, "echo reply", Answers("echo")),
    (130, "multicast listener query", Tells),
    (131, "multicast listener report", Tells),
    (132, "multicast listener done", Tells),
    (133, "router solicitation", Tells),
    (134, "router advertisement", Tells),
    (135, "neighbor solicitation", Tells),
    (136, "neighbor advertisement", Tells),
    (137, "redirect", Tells),
    (139, "node information query", Tells),
    (140, "node information response", Tells),
    (143, "multicast listener report v2", Tells),
    (155, "RPL control", Tells),
    (160, "extended echo request", Asks("extended echo")),
    (161, "extended echo reply", Answers("extended echo")),
];

/// A message whose header is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp<'a> {
    pub kind: u8,
    pub code: u8,
    /// Whether it is of ICMP, not ICMPv6.
    pub is_v4: bool,
    /// Bytes 4 to 7, whose meaning depends on the type.
    pub word: [u8; 4],
    pub body: &'a [u8],
}

/// Reads a message. The versions share no number but those of errors, which quote a packet.
pub fn parse(bytes: &[u8]) -> Option<Icmp<'_>> {
    let (&[kind, code, _, _, w0, w1, w2, w3], body) = bytes.split_first_chunk::<8>()?;
    let quoted = body.first().map(|byte| byte >> 4);
    let is_v4 = match kind {
        1 | 2 | 128.. => false,
        3 | 4 => quoted != Some(6),
        _ => true,
    };
    Some(Icmp { kind, code, is_v4, word: [w0, w1, w2, w3], body })
}

impl Icmp<'_> {
    fn known(&self) -> Option<&'static (u8, &'static str, Role)> {
        let types = if self.is_v4 { TYPES_4 } else { TYPES_6 };
        types.iter().find(|(kind, ..)| *kind == self.kind)
    }

    /// The type in words, where it has any.
    pub fn name(&self) -> Option<&'static str> {
        self.known().map(|&(_, name, _)| name)
    }

    pub fn role(&self) -> Role {
        self.known().map_or(Tells, |&(.., role)| role)
    }

    /// Identifier and sequence number of what asks and answers.
    pub fn ids(&self) -> (u16, u16) {
        let [i0, i1, s0, s1] = self.word;
        let sequence = match self.kind {
            42 | 43 | 160 | 161 => u16::from(s0), // RFC 8335: one byte, then flags
            _ => u16::from_be_bytes([s0, s1]),
        };
        (u16::from_be_bytes([i0, i1]), sequence)
    }

    /// The size that "fragmentation needed" (RFC 1191) or "packet too big" asks for, else 0.
    pub fn mtu(&self) -> u32 {
        let [_, _, m0, m1] = self.word;
        match (self.is_v4, self.kind, self.code) {
            (true, 3, 4) => u32::from(u16::from_be_bytes([m0, m1])),
            (false, 2, _) => u32::from_be_bytes(self.word),
            _ => 0,
        }
    }

    /// The next hop of a redirect, or the neighbor that a message is about.
    pub fn target(&self) -> Option<IpAddr> {
        match (self.is_v4, self.kind) {
            (true, 5) => Some(Ipv4Addr::from(self.word).into()),
            (false, 135..=137) => {
                self.body.first_chunk::<16>().map(|ip| Ipv6Addr::from(*ip).into())
            }
            _ => None,
        }
    }

    /// The packet that an error quotes.
    pub fn quote(&self) -> Option<Quote> {
        match self.role() {
            Reports => quote(self.body),
            _ => None,
        }
    }
}

/// What an error quotes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Number of the transport.
    pub protocol: u8,
    pub source: IpAddr,
    pub target: IpAddr,
    /// Of source and target, where the transport has ports and they are there.
    pub ports: Option<(u16, u16)>,
}

/// Extension headers looked behind.
const EXTENSIONS_MAX: usize = 8;

fn quote(bytes: &[u8]) -> Option<Quote> {
    match bytes.first()? >> 4 {
        4 => {
            let header = bytes.first_chunk::<20>()?;
            let [first, .., protocol, _, _, s0, s1, s2, s3, t0, t1, t2, t3] = *header;
            let source = Ipv4Addr::from([s0, s1, s2, s3]).into();
            let target = Ipv4Addr::from([t0, t1, t2, t3]).into();
            let behind = bytes.get(usize::from(first & 15) * 4..).unwrap_or_default();
            Some(Quote { protocol, source, target, ports: ports(protocol, behind) })
        }
        6 => {
            let (header, behind) = bytes.split_first_chunk::<40>()?;
            let [_, _, _, _, _, _, next, _, addresses @ ..] = header;
            let (source, target) = addresses.split_first_chunk::<16>()?;
            let source = Ipv6Addr::from(*source).into();
            let target = Ipv6Addr::from(*target.first_chunk::<16>()?).into();
            let (protocol, behind) = behind_extensions(*next, behind);
            Some(Quote { protocol, source, target, ports: ports(protocol, behind) })
        }
        _ => None,
    }
}

/// Passes over the extension headers of IPv6 (RFC 8200 section 4).
fn behind_extensions(mut next: u8, mut bytes: &[u8]) -> (u8, &[u8]) {
    for _ in 0..EXTENSIONS_MAX {
        let [then, length, ..] = *bytes else { break };
        let length = match next {
            0 | 43 | 60 => usize::from(length) * 8 + 8,
            44 => 8,
            _ => break,
        };
        (next, bytes) = (then, bytes.get(length..).unwrap_or_default());
    }
    (next, bytes)
}

/// TCP, UDP and SCTP begin with their ports.
fn ports(protocol: u8, bytes: &[u8]) -> Option<(u16, u16)> {
    let &[s0, s1, t0, t1] = bytes.first_chunk::<4>()?;
    let has_ports = matches!(protocol, 6 | 17 | 132);
    has_ports.then(|| (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([t0, t1])))
}

impl std::fmt::Display for Quote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.protocol {
            1 | 58 => write!(f, "ICMP ")?,
            6 => write!(f, "TCP ")?,
            17 => write!(f, "UDP ")?,
            132 => write!(f, "SCTP ")?,
            other => write!(f, "protocol {other} ")?,
        }
        let socket = |ip: IpAddr, port: u16| std::net::SocketAddr::new(ip, port);
        match self.ports {
            Some((from, to)) => {
                write!(f, "{} -> {}", socket(self.source, from), socket(self.target, to))
            }
            None => write!(f, "{} -> {}", self.source, self.target),
        }
    }
}
