//! TCP (RFC 9293), UDP (RFC 768) and ICMP headers -> ports, what reassembly needs, and payload.

use etherparse::{TcpHeaderSlice, TcpOptionElement, UdpHeaderSlice};

use super::network::Ip;
use super::{Layers, Proto, Rest, Undecoded};

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

/// What reassembly and the connection's state need of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    pub seq: u32,
    pub ack: u32,
    pub flags: TcpFlags,
    /// As sent: not scaled.
    pub window: u16,
    /// Shift of the window scale option of a SYN (RFC 7323).
    pub window_scale: Option<u8>,
}

/// The transport of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp(Tcp),
    Udp,
    Icmp { kind: u8, code: u8 },
}

impl Transport {
    pub fn proto(self) -> Proto {
        match self {
            Transport::Tcp(_) => Proto::Tcp,
            Transport::Udp => Proto::Udp,
            Transport::Icmp { .. } => Proto::Icmp,
        }
    }
}

type Peeled<'a> = (Transport, (u16, u16), Rest<'a>);

/// Takes the transport header off.
pub(super) fn peel<'a>(ip: &Ip<'a>, layers: &mut Layers) -> Result<Peeled<'a>, Undecoded> {
    match ip.protocol {
        6 => {
            layers.add(Layers::TCP);
            tcp(ip.rest)
        }
        17 => {
            layers.add(Layers::UDP);
            udp(ip.rest)
        }
        1 | 58 => {
            layers.add(if ip.protocol == 1 { Layers::ICMP } else { Layers::ICMPV6 });
            icmp(ip.rest)
        }
        132 => {
            layers.add(Layers::SCTP);
            Err(Undecoded::IpProtocol(132))
        }
        other => Err(Undecoded::IpProtocol(other)),
    }
}

fn tcp(rest: Rest) -> Result<Peeled, Undecoded> {
    let header = TcpHeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("TCP header"))?;
    let flags = header.slice().get(13).copied().map(TcpFlags).unwrap_or_default();
    let tcp = Tcp {
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags,
        window: header.window_size(),
        window_scale: if flags.syn() { window_scale(&header) } else { None },
    };
    let ports = (header.source_port(), header.destination_port());
    let rest = rest.skip(header.slice().len()).ok_or(rest.short("TCP header"))?;
    Ok((Transport::Tcp(tcp), ports, rest))
}

fn window_scale(header: &TcpHeaderSlice) -> Option<u8> {
    header.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::WindowScale(shift)) => Some(shift.min(14)),
        _ => None,
    })
}

fn udp(rest: Rest) -> Result<Peeled, Undecoded> {
    let header = UdpHeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("UDP header"))?;
    let ports = (header.source_port(), header.destination_port());
    let behind = rest.skip(8).ok_or(rest.short("UDP header"))?;
    // A length of zero is a jumbogram or unfilled; a shorter one leaves padding behind.
    let len = usize::from(header.length()).checked_sub(8).unwrap_or(behind.bytes.len());
    let bytes = behind.bytes.get(..len).unwrap_or(behind.bytes);
    let cut = if len < behind.bytes.len() { 0 } else { behind.cut };
    Ok((Transport::Udp, ports, Rest { bytes, cut }))
}

/// Echo messages carry an identifier, which serves as the port of both ends.
fn icmp(rest: Rest) -> Result<Peeled, Undecoded> {
    let [kind, code, _, _, id_high, id_low, ..] = *rest.bytes else {
        return Err(rest.short("ICMP header"));
    };
    let id = match kind {
        0 | 8 | 128 | 129 => u16::from_be_bytes([id_high, id_low]),
        _ => 0,
    };
    let behind = rest.skip(rest.bytes.len().min(8)).ok_or(rest.short("ICMP header"))?;
    Ok((Transport::Icmp { kind, code }, (id, id), behind))
}
