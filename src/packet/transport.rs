//! TCP (RFC 9293), UDP (RFC 768), ICMP and SCTP (RFC 9260) headers -> ports, what reassembly needs, and payload.

use etherparse::{TcpHeaderSlice, TcpOptionElement, UdpHeaderSlice};

use super::{Proto, Rest, Undecoded};

/// Control bits of a TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    pub fn fin(self) -> bool {
        self.0 & 1 != 0
    }
    pub fn syn(self) -> bool {
        self.0 & 2 != 0
    }
    pub fn rst(self) -> bool {
        self.0 & 4 != 0
    }
    pub fn ack(self) -> bool {
        self.0 & 16 != 0
    }
}

/// Shift of the window scale option, if there is one, in a byte: packets are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowScale(u8);

impl WindowScale {
    pub fn get(self) -> Option<u8> {
        self.0.checked_sub(1)
    }
}

impl From<Option<u8>> for WindowScale {
    fn from(shift: Option<u8>) -> Self {
        WindowScale(shift.map_or(0, |shift| shift.saturating_add(1)))
    }
}

/// What reassembly and the connection's state need of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    pub seq: u32,
    pub ack: u32,
    pub flags: TcpFlags,
    /// As sent: not scaled.
    pub window: u16,
    /// Of a SYN (RFC 7323).
    pub window_scale: WindowScale,
    /// Timestamp option of a SYN (RFC 7323), 0 without one.
    pub stamp: u32,
}

/// The transport of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp(Tcp),
    Udp,
    Icmp {
        kind: u8,
        code: u8,
    },
    /// An ICMP error about a packet of another conversation, whose key it has: it is from the end
    /// that the quoted packet was to.
    IcmpError {
        kind: u8,
        code: u8,
        proto: Proto,
        /// Address of who sent it: IPv6, or IPv4 mapped.
        reporter: [u8; 16],
    },
    /// The type of its first chunk, 255 where it was not captured.
    Sctp {
        chunk: u8,
    },
}

impl Transport {
    #[inline]
    pub fn proto(self) -> Proto {
        match self {
            Transport::Tcp(_) => Proto::Tcp,
            Transport::Udp => Proto::Udp,
            Transport::Icmp { .. } => Proto::Icmp,
            Transport::IcmpError { proto, .. } => proto,
            Transport::Sctp { .. } => Proto::Sctp,
        }
    }
}

/// A transport header and its payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub transport: Transport,
    /// Of source and target.
    pub ports: (u16, u16),
    /// As captured.
    pub checksum: u16,
    pub rest: Rest<'a>,
}

impl Segment<'_> {
    /// Whether it is an ICMP error, which holds the start of the packet it is about.
    pub fn quotes(&self) -> bool {
        match self.transport {
            // Of ICMP 3, 4, 5, 11 and 12, of ICMPv6 1 to 4; neither uses the other's numbers for
            // anything with a payload.
            Transport::Icmp { kind, .. } => matches!(kind, 1..=5 | 11 | 12),
            _ => false,
        }
    }
}

/// Takes a TCP header off.
#[inline]
pub(super) fn tcp(rest: Rest) -> Result<Segment, Undecoded> {
    let header = TcpHeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("TCP header"))?;
    let flags = header.slice().get(13).copied().map(TcpFlags).unwrap_or_default();
    let tcp = Tcp {
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags,
        window: header.window_size(),
        window_scale: if flags.syn() {
            window_scale(&header).into()
        } else {
            WindowScale::default()
        },
        stamp: if flags.syn() { stamp(&header) } else { 0 },
    };
    let ports = (header.source_port(), header.destination_port());
    let rest = rest.behind(header.slice().len(), "TCP header")?;
    Ok(Segment { transport: Transport::Tcp(tcp), ports, checksum: header.checksum(), rest })
}

fn window_scale(header: &TcpHeaderSlice) -> Option<u8> {
    header.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::WindowScale(shift)) => Some(shift.min(14)),
        _ => None,
    })
}

fn stamp(header: &TcpHeaderSlice) -> u32 {
    let stamp = header.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::Timestamp(value, _)) => Some(value),
        _ => None,
    });
    stamp.unwrap_or(0)
}

/// Takes a UDP header off.
#[inline]
pub(super) fn udp(rest: Rest) -> Result<Segment, Undecoded> {
    let header = UdpHeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("UDP header"))?;
    let ports = (header.source_port(), header.destination_port());
    let behind = rest.behind(8, "UDP header")?;
    // A length of zero is a jumbogram or unfilled; a shorter one leaves padding behind.
    let len = usize::from(header.length()).checked_sub(8).unwrap_or(behind.bytes.len());
    let bytes = behind.bytes.get(..len).unwrap_or(behind.bytes);
    let cut = if len < behind.bytes.len() { 0 } else { behind.cut };
    let checksum = header.checksum();
    Ok(Segment { transport: Transport::Udp, ports, checksum, rest: Rest { bytes, cut } })
}

/// Reads an ICMP header; the whole message is the payload. Echo messages carry an identifier, which
/// serves as the port of both ends.
pub(super) fn icmp(rest: Rest) -> Result<Segment, Undecoded> {
    let [kind, code, sum_high, sum_low, id_high, id_low, ..] = *rest.bytes else {
        return Err(rest.short("ICMP header"));
    };
    let id = match kind {
        0 | 8 | 128 | 129 => u16::from_be_bytes([id_high, id_low]),
        _ => 0,
    };
    let transport = Transport::Icmp { kind, code };
    let checksum = u16::from_be_bytes([sum_high, sum_low]);
    Ok(Segment { transport, ports: (id, id), checksum, rest })
}

/// Takes the common header of SCTP off (RFC 9260 section 3.1); the chunks are its payload.
pub(super) fn sctp(rest: Rest) -> Result<Segment, Undecoded> {
    let [s0, s1, t0, t1, _, _, _, _, sum_high, sum_low, _, _] = *rest.head::<12>("SCTP header")?;
    let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([t0, t1]));
    let rest = rest.behind(12, "SCTP header")?;
    let chunk = rest.bytes.first().copied().unwrap_or(255);
    let checksum = u16::from_be_bytes([sum_high, sum_low]);
    Ok(Segment { transport: Transport::Sctp { chunk }, ports, checksum, rest })
}

/// The ports of a TCP header of which an ICMP error quotes only the start (RFC 792: 8 bytes).
pub(super) fn ports_only(rest: Rest) -> Option<Segment> {
    let [s0, s1, t0, t1, seq @ ..] = *rest.bytes.first_chunk::<8>()?;
    let tcp = Tcp {
        seq: u32::from_be_bytes(seq),
        ack: 0,
        flags: TcpFlags::default(),
        window: 0,
        window_scale: WindowScale::default(),
        stamp: 0,
    };
    let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([t0, t1]));
    Some(Segment { transport: Transport::Tcp(tcp), ports, checksum: 0, rest })
}
