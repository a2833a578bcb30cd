//! Headers -> bytes: Ethernet, IPv4, TCP and UDP with their checksums (RFC 791, 9293, 7323, 768).
//! Written without the parsers of the analysis, so that each checks the other.

use std::net::Ipv4Addr;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// What one hop changes of a packet.
#[derive(Debug, Clone, Copy)]
pub struct Hop {
    pub src_mac: [u8; 6],
    pub dst_mac: [u8; 6],
    pub ttl: u8,
}

/// An IPv4 packet but for what hops change.
#[derive(Debug, Clone)]
pub struct Datagram {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub protocol: u8,
    pub id: u16,
    /// Transport header and payload.
    pub transport: Vec<u8>,
}

impl Datagram {
    /// The Ethernet frame as seen on one hop.
    pub fn frame(&self, hop: Hop) -> Vec<u8> {
        let mut header = [0_u8; 20];
        header[0] = 0x45; // version 4, five words
        header[2..4].copy_from_slice(&((20 + self.transport.len()) as u16).to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6] = 0x40; // don't fragment
        header[8] = hop.ttl;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.src.octets());
        header[16..20].copy_from_slice(&self.dst.octets());
        let checksum = fold(sum(&header));
        header[10..12].copy_from_slice(&checksum.to_be_bytes());

        let mut frame = Vec::with_capacity(34 + self.transport.len());
        frame.extend(hop.dst_mac);
        frame.extend(hop.src_mac);
        frame.extend([0x08, 0x00]);
        frame.extend(header);
        frame.extend(&self.transport);
        frame
    }

    /// The same packet between other addresses, as translation leaves it.
    pub fn between(&self, src: Ipv4Addr, dst: Ipv4Addr) -> Datagram {
        let mut other = Datagram { src, dst, ..self.clone() };
        let at = if self.protocol == TCP { 16 } else { 6 };
        other.transport[at..at + 2].fill(0);
        let checksum = match other.checksum() {
            0 if self.protocol == UDP => u16::MAX, // zero would mean none
            sum => sum,
        };
        other.transport[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        other
    }

    /// Checksum over the pseudo header and the transport bytes.
    fn checksum(&self) -> u16 {
        let pseudo = sum(&self.src.octets()) + sum(&self.dst.octets());
        let length = self.transport.len() as u32;
        fold(pseudo + u32::from(self.protocol) + length + sum(&self.transport))
    }
}

/// The variable parts of a TCP segment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    /// Timestamps, value and echo; none in a RST.
    pub timestamps: Option<(u32, u32)>,
    pub payload: &'a [u8],
}

pub fn tcp(src: Ipv4Addr, dst: Ipv4Addr, id: u16, segment: &Segment<'_>) -> Datagram {
    let options = options(segment);
    let mut bytes = Vec::with_capacity(20 + options.len() + segment.payload.len());
    bytes.extend(segment.src_port.to_be_bytes());
    bytes.extend(segment.dst_port.to_be_bytes());
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    bytes.push(((5 + options.len() / 4) << 4) as u8);
    bytes.push(segment.flags);
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0; 4]); // checksum, urgent pointer
    bytes.extend(options);
    bytes.extend(segment.payload);
    let mut datagram = Datagram { src, dst, protocol: TCP, id, transport: bytes };
    let checksum = datagram.checksum();
    datagram.transport[16..18].copy_from_slice(&checksum.to_be_bytes());
    datagram
}

/// In the order in which Linux writes them, filled up to words.
fn options(segment: &Segment<'_>) -> Vec<u8> {
    let Some((value, echo)) = segment.timestamps else { return Vec::new() };
    let mut options = Vec::with_capacity(20);
    if segment.flags & SYN != 0 {
        options.extend([2, 4, 0x05, 0xb4]); // MSS 1460
        options.extend([4, 2]); // SACK permitted
    } else {
        options.extend([1, 1]);
    }
    options.extend([8, 10]);
    options.extend(value.to_be_bytes());
    options.extend(echo.to_be_bytes());
    if segment.flags & SYN != 0 {
        options.extend([1, 3, 3, 7]); // window scale 7
    }
    options
}

pub fn udp(
    (src, src_port): (Ipv4Addr, u16),
    (dst, dst_port): (Ipv4Addr, u16),
    id: u16,
    payload: &[u8],
) -> Datagram {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend(src_port.to_be_bytes());
    bytes.extend(dst_port.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(payload);
    let mut datagram = Datagram { src, dst, protocol: UDP, id, transport: bytes };
    let checksum = match datagram.checksum() {
        0 => u16::MAX, // zero would mean none
        sum => sum,
    };
    datagram.transport[6..8].copy_from_slice(&checksum.to_be_bytes());
    datagram
}

/// Sum of 16-bit words, an odd last byte filled up with zero (RFC 1071).
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2);
    words.map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 10);
    const B: Ipv4Addr = Ipv4Addr::new(10, 244, 1, 12);
    const HOP: Hop = Hop { src_mac: [1; 6], dst_mac: [2; 6], ttl: 62 };

    fn decode(frame: &[u8]) -> etherparse::PacketHeaders<'_> {
        etherparse::PacketHeaders::from_ethernet_slice(frame).unwrap()
    }

    #[test]
    fn syn_reads_back_with_right_checksums() {
        let timestamps = Some((7, 0));
        let segment = Segment { src_port: 40_000, dst_port: 6379, seq: 9, ..Segment::default() };
        let segment = Segment { flags: SYN, window: 64_240, timestamps, ..segment };
        let frame = tcp(A, B, 5, &segment).frame(HOP);
        let headers = decode(&frame);
        let Some(etherparse::NetHeaders::Ipv4(ip, _)) = &headers.net else { panic!() };
        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
        assert_eq!((ip.identification, ip.time_to_live, ip.dont_fragment), (5, 62, true));
        let tcp = headers.transport.unwrap().tcp().unwrap();
        assert_eq!(tcp.checksum, tcp.calc_checksum_ipv4(ip, &[]).unwrap());
        use etherparse::TcpOptionElement::*;
        let options: Vec<_> = tcp.options_iterator().map(Result::unwrap).collect();
        let expected = [
            MaximumSegmentSize(1460),
            SelectiveAcknowledgementPermitted,
            Timestamp(7, 0),
            Noop,
            WindowScale(7),
        ];
        assert_eq!(options, expected);
    }

    #[test]
    fn udp_and_odd_payload_read_back_with_right_checksums() {
        for payload in [&b"abc"[..], b"", b"abcd"] {
            let frame = udp((A, 5000), (B, 53), 1, payload).frame(HOP);
            let headers = decode(&frame);
            let Some(etherparse::NetHeaders::Ipv4(ip, _)) = &headers.net else { panic!() };
            let udp = headers.transport.unwrap().udp().unwrap();
            assert_eq!(udp.checksum, udp.calc_checksum_ipv4(ip, payload).unwrap());
            assert_eq!(headers.payload.slice(), payload);
        }
    }
}
