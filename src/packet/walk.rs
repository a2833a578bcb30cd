//! The walk through a frame: one header after the other, bounded, until a transport is reached.

use super::fragment::Piece;
use super::network::{self, Ip};
use super::transport::{self, Segment};
use super::{Layers, Rest, Tunnel, Undecoded, link, tunnel};

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
    /// The UDP datagram that looks like a tunnel: it stands when nothing proper is inside.
    outer: Option<(Segment<'a>, Ip, Layers, Tunnel)>,
}

impl<'a> Walk<'a> {
    #[inline]
    pub fn new(tunnel: Tunnel, left: usize) -> Self {
        Walk { ip: Ip::default(), layers: Layers::default(), tunnel, left, outer: None }
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
                transport::tcp(rest).map(end)
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
                Err(Undecoded::IpProtocol(132))
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

    /// An error quotes the packet it is about (RFC 792, RFC 4443): its layers count.
    fn icmp(&mut self, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
        let segment = transport::icmp(rest)?;
        if segment.quotes() {
            let mut quoted = Walk::new(Tunnel::None, self.left);
            // How the quote ends does not matter: the error itself is the packet.
            let _ = quoted.run(Next::Ip, segment.rest);
            self.layers.add(quoted.layers);
        }
        Ok(end(segment))
    }
}

#[inline]
fn end(segment: Segment) -> Step {
    Step::End(Found::Segment(segment))
}
