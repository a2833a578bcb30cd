//! The walk through a frame: one header after the other, bounded, until a transport is reached.

use super::fragment::Piece;
use super::network::{self, Ip};
use super::transport::{self, Segment};
use super::{Layers, Rest, Transport, Tunnel, Undecoded, link, tunnel};

/// What comes next in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Link(u16),
    EtherType(u16),
    /// IPv4 or IPv6 by the first nibble.
    Ip,
    /// The payload of the IP packet that the walk is in.
    Upper,
}

/// What a link or tunnel header leads to.
pub(super) type Peeled<'a> = Result<(Next, Rest<'a>), Undecoded>;

/// One step of the walk.
pub(super) enum Step<'a> {
    On(Next, Rest<'a>),
    End(Found<'a>),
}

/// Where a walk can end.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    Segment(Segment<'a>),
    Piece(Piece, &'a [u8]),
}

/// State of a walk.
pub(super) struct Walk<'a> {
    /// The innermost IP packet so far.
    pub ip: Ip,
    pub layers: Layers,
    /// The outermost tunnel so far.
    pub tunnel: Tunnel,
    /// Headers that may still be taken off.
    pub left: usize,
    /// It goes through what an ICMP error quotes.
    quote: bool,
    /// The UDP datagram that looks like a tunnel: it stands when nothing proper is inside.
    outer: Option<(Segment<'a>, Ip, Layers, Tunnel)>,
}

impl<'a> Walk<'a> {
    #[inline]
    pub fn new(tunnel: Tunnel, left: usize) -> Self {
        let (ip, layers) = (Ip::default(), Layers::default());
        Walk { ip, layers, tunnel, left, quote: false, outer: None }
    }

    /// Takes headers off from `next` on.
    #[inline]
    pub fn run(&mut self, mut next: Next, mut rest: Rest<'a>) -> Result<Found<'a>, Undecoded> {
        while self.left > 0 {
            self.left -= 1;
            match self.step(next, rest) {
                Ok(Step::On(then, behind)) => (next, rest) = (then, behind),
                Ok(Step::End(found)) => return Ok(found),
                Err(reason) if reason.refutes_tunnel() => return self.fall_back(reason),
                Err(reason) => return Err(reason),
            }
        }
        Err(Undecoded::LayerLimit)
    }

    fn fall_back(&mut self, reason: Undecoded) -> Result<Found<'a>, Undecoded> {
        let (segment, ip, layers, tunnel) = self.outer.take().ok_or(reason)?;
        (self.ip, self.layers, self.tunnel) = (ip, layers, tunnel);
        Ok(Found::Segment(segment))
    }

    // Every header comes through here: a step that is not inlined is passed through memory.
    #[inline(always)]
    fn step(&mut self, next: Next, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
        let peeled = match next {
            Next::EtherType(link::IPV4) => return network::peel(Some(4), rest, self),
            Next::EtherType(link::IPV6) => return network::peel(Some(6), rest, self),
            Next::Ip => return network::peel(None, rest, self),
            Next::Upper => return self.upper(rest),
            Next::Link(kind) => link::peel(kind, rest),
            Next::EtherType(ether) => link::ether(ether, rest),
        };
        peeled.map(|(then, behind)| Step::On(then, behind))
    }

    /// The payload of an IP packet, by its protocol number.
    #[inline(always)]
    fn upper(&mut self, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
        match self.ip.protocol {
            6 => {
                self.layers.add(Layers::TCP);
                match transport::tcp(rest) {
                    Err(reason) => self.quoted_tcp(rest).ok_or(reason),
                    segment => segment,
                }
                .map(end)
            }
            17 => {
                self.layers.add(Layers::UDP);
                self.udp(transport::udp(rest)?)
            }
            1 => {
                self.layers.add(Layers::ICMP);
                self.icmp(rest)
            }
            58 => {
                self.layers.add(Layers::ICMPV6);
                self.icmp(rest)
            }
            132 => {
                self.layers.add(Layers::SCTP);
                transport::sctp(rest).map(end)
            }
            0 | 43 | 60 | 135 | 139 | 140 => network::extension(&mut self.ip, rest),
            44 => network::fragment_header(&mut self.ip, rest),
            51 => network::authentication(&mut self.ip, rest),
            50 => Err(Undecoded::NoPacket("ESP, encrypted")),
            _ => {
                let (tunnel, next, behind) = tunnel::in_ip(&self.ip, rest)?;
                self.tunnel = self.tunnel.around(tunnel);
                Ok(Step::On(next, behind))
            }
        }
    }

    /// A datagram, or the tunnel in it.
    #[inline]
    fn udp(&mut self, segment: Segment<'a>) -> Result<Step<'a>, Undecoded> {
        if let Some((tunnel, next, behind)) = tunnel::in_udp(&segment) {
            self.outer = Some((segment, self.ip, self.layers, self.tunnel));
            self.tunnel = self.tunnel.around(tunnel);
            return Ok(Step::On(next, behind));
        }
        self.tunnel = self.tunnel.around(tunnel::sealed(&segment));
        Ok(end(segment))
    }

    /// An error quotes the packet it is about (RFC 792, RFC 4443): its layers count, and where it
    /// tells of a conversation, the error is part of that.
    fn icmp(&mut self, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
        let segment = transport::icmp(rest)?;
        if !segment.quotes() {
            return Ok(end(segment));
        }
        let mut quoted = Walk { quote: true, ..Walk::new(Tunnel::None, self.left) };
        let quote = segment.rest.behind(8, "ICMP header");
        let found = quote.and_then(|quote| quoted.run(Next::Ip, quote));
        self.layers.add(quoted.layers);
        Ok(end(match found {
            Ok(Found::Segment(about)) => self.error(segment, about, quoted.ip),
            _ => segment,
        }))
    }

    /// An ICMP error as a packet of the conversation that it is about.
    fn error(&mut self, error: Segment<'a>, about: Segment<'a>, ip: Ip) -> Segment<'a> {
        let (Transport::Icmp { kind, code }, false) = (error.transport, about.quotes()) else {
            return error;
        };
        let reporter = self.ip.source.to_be_bytes();
        (self.ip.source, self.ip.target) = (ip.target, ip.source);
        let proto = about.transport.proto();
        let transport = Transport::IcmpError { kind, code, proto, reporter };
        Segment { transport, ports: (about.ports.1, about.ports.0), ..error }
    }

    /// What a quote holds of a TCP header.
    fn quoted_tcp(&self, rest: Rest<'a>) -> Option<Segment<'a>> {
        if self.quote && self.outer.is_none() { transport::ports_only(rest) } else { None }
    }
}

#[inline]
fn end(segment: Segment) -> Step {
    Step::End(Found::Segment(segment))
}
