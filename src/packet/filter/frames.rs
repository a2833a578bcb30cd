//! Frames for tests, drawn from a seed: every layer that filters ask for, often with the
//! addresses and ports of the corpus, some cut and some with bytes changed.

/// xorshift64* (Vigna, 2016).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll(256) as u8).collect()
    }

    /// Once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }
}

/// A frame and its length on the wire.
pub fn frame(dice: &mut Dice, link: u16) -> (Vec<u8>, u32) {
    let mut frame = header(dice, link);
    if dice.once_in(10) && !frame.is_empty() {
        let (at, to) = (dice.roll(frame.len()), dice.roll(256));
        frame[at] = to as u8;
    }
    let wire_len = frame.len() as u32 + dice.pick(&[0, 0, 0, 6, 1000]);
    if dice.once_in(6) {
        frame.truncate(dice.roll(frame.len() + 1));
    }
    (frame, wire_len)
}

fn header(dice: &mut Dice, link: u16) -> Vec<u8> {
    let (ether, payload) = network(dice);
    let mut frame = match link {
        1 => return ethernet(dice, ether, payload),
        113 => {
            let mut header = vec![0, dice.pick(&[0, 3, 4]), 0, 1, 0, 6];
            header.extend(dice.bytes(8));
            header.extend(ether.to_be_bytes());
            header
        }
        276 => {
            let mut header = ether.to_be_bytes().to_vec();
            header.extend(dice.bytes(18));
            header
        }
        0 | 108 => {
            let family = if ether == 0x0800 { 2u32 } else { dice.pick(&[24, 28, 30, 10, 2]) };
            if link == 0 { family.to_le_bytes().to_vec() } else { family.to_be_bytes().to_vec() }
        }
        9 => {
            let proto: u16 = match ether {
                0x0800 => 0x21,
                0x86dd => 0x57,
                0x8847 => 0x281,
                other => other,
            };
            [vec![0xff, 3], proto.to_be_bytes().to_vec()].concat()
        }
        _ => Vec::new(),
    };
    frame.extend(payload);
    frame
}

fn mac(dice: &mut Dice) -> [u8; 6] {
    dice.pick(&[[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [255; 6], [1, 0, 94, 0, 0, 5]])
}

fn ethernet(dice: &mut Dice, ether: u16, payload: Vec<u8>) -> Vec<u8> {
    let mut frame = [mac(dice), mac(dice)].concat();
    for _ in 0..dice.pick(&[0, 0, 0, 1, 1, 2, 3]) {
        frame.extend(dice.pick(&[0x8100u16, 0x88a8, 0x9100]).to_be_bytes());
        frame.extend(dice.pick(&[100u16, 200, 0x2064, 7]).to_be_bytes());
    }
    if dice.once_in(12) {
        frame.extend(llc(dice));
    } else if dice.once_in(8) {
        frame.extend(0x8847u16.to_be_bytes());
        let labels = 1 + dice.roll(3);
        for label in 1..=labels {
            let last = u32::from(label == labels || dice.once_in(8));
            frame.extend((dice.pick(&[5u32, 6, 77]) << 12 | last << 8 | 64).to_be_bytes());
        }
    } else if dice.once_in(8) {
        frame.extend(dice.pick(&[0x8864u16, 0x8864, 0x8863]).to_be_bytes());
        frame.extend([0x11, 0, 0, dice.pick(&[5, 6]), 0, 40, 0]);
        frame.push(dice.pick(&[0x21, 0x57, 0x21, 0x57, 0xc0]));
    } else {
        frame.extend(ether.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

/// A length and LLC, with SNAP now and then.
fn llc(dice: &mut Dice) -> Vec<u8> {
    let mut header = dice.pick(&[60u16, 1500, 5]).to_be_bytes().to_vec();
    match dice.roll(4) {
        0 => header.extend(dice.pick(&[[0xfe, 0xfe, 3], [0xf0, 0xf0, 3], [6, 6, 3]])),
        1 => header.extend(dice.pick(&[[0xe0, 0xe0, 3], [0x42, 0x42, 3], [0xff, 0xff, 0]])),
        2 => header.extend([5, 6, 3, 130]),
        _ => {
            header.extend([0xaa, 0xaa, 3, 0, 0, 0]);
            let end = header.len();
            let (middle, last, ether) =
                dice.pick(&[(0, 7, 0x809bu16), (0, 0, 0x80f3), (0, 0, 0x8137), (0, 0, 0x0800)]);
            header[end - 3..].copy_from_slice(&[if last == 7 { 8 } else { 0 }, middle, last]);
            header.extend(ether.to_be_bytes());
        }
    }
    header
}

fn network(dice: &mut Dice) -> (u16, Vec<u8>) {
    match dice.roll(10) {
        0..=4 => (0x0800, ipv4(dice)),
        5..=7 => (0x86dd, ipv6(dice)),
        8 => (dice.pick(&[0x0806, 0x8035]), arp(dice)),
        _ => {
            let ether = dice.pick(&[
                0x8137, 0x809b, 0x80f3, 0x6001, 0x6002, 0x6003, 0x6004, 0x6007, 0x9000, 0x8847,
                0x05dd, 4, 1, 5,
            ]);
            let count = dice.roll(60);
            (ether, dice.bytes(count))
        }
    }
}

const ADDRESSES: [[u8; 4]; 8] = [
    [10, 1, 2, 3],
    [10, 1, 2, 4],
    [10, 1, 9, 3],
    [10, 2, 0, 1],
    [192, 168, 0, 1],
    [224, 0, 0, 5],
    [255, 255, 255, 255],
    [0, 0, 0, 5],
];

fn ipv4(dice: &mut Dice) -> Vec<u8> {
    let options = dice.pick(&[0, 0, 0, 4, 40]);
    let proto = dice.pick(&[6, 6, 17, 132, 1, 1, 2, 9, 103, 112, 50, 51, 89, 47]);
    let rest = transport(dice, proto);
    let mut ip = vec![0x45 + (options / 4) as u8, dice.pick(&[0, 0, 5])];
    ip.extend((20 + options as u16 + rest.len() as u16).to_be_bytes());
    ip.extend(dice.bytes(2));
    ip.extend(dice.pick(&[0u16, 0x4000, 0x4000, 0x2000, 0x2001, 0x0100]).to_be_bytes());
    ip.extend([dice.pick(&[64, 63, 4, 1]), proto, 0, 0]);
    ip.extend(dice.pick(&ADDRESSES));
    ip.extend(dice.pick(&ADDRESSES));
    ip.extend(dice.bytes(options));
    ip.extend(rest);
    ip
}

fn ipv6(dice: &mut Dice) -> Vec<u8> {
    let proto = dice.pick(&[6, 6, 17, 132, 58, 58, 103, 50, 59]);
    let mut rest = transport(dice, proto);
    let mut next = proto;
    for _ in 0..dice.pick(&[0, 0, 0, 1, 1, 2]) {
        let kind = dice.pick(&[44, 44, 0, 60, 43, 51]);
        let mut header = vec![next, if kind == 51 { 4 } else { 0 }];
        header.extend(dice.bytes(if kind == 51 { 22 } else { 6 }));
        (rest, next) = ([header, rest].concat(), kind);
    }
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend((rest.len() as u16).to_be_bytes());
    ip.extend([next, 64]);
    ip.extend(address6(dice));
    ip.extend(address6(dice));
    ip.extend(rest);
    ip
}

fn address6(dice: &mut Dice) -> [u8; 16] {
    let text = ["2001:db8::1", "2001:db8::2", "2001:db8:8000::1", "2001:db8::", "ff02::1"];
    let more = ["::ffff:10.1.2.3", "2001:d00::1"];
    let text = dice.pick(&[&text[..], &more].concat());
    text.parse::<std::net::Ipv6Addr>().unwrap().octets()
}

fn arp(dice: &mut Dice) -> Vec<u8> {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, dice.pick(&[1, 2, 3])];
    for _ in 0..2 {
        arp.extend(mac(dice));
        arp.extend(dice.pick(&ADDRESSES));
    }
    arp
}

fn transport(dice: &mut Dice, proto: u8) -> Vec<u8> {
    let ports = [80u16, 443, 53, 22, 123, 8080, 85, 60000];
    let mut rest = match proto {
        1 | 58 | 2 => vec![dice.pick(&[8, 0, 3, 128, 135, 136, 0x16]), dice.pick(&[0, 1])],
        _ => [dice.pick(&ports), dice.pick(&ports)].map(u16::to_be_bytes).concat(),
    };
    match proto {
        6 => {
            rest.extend(dice.bytes(8));
            rest.push(dice.pick(&[0x50, 0x50, 0x80]));
            rest.push(dice.pick(&[2, 18, 16, 24, 17, 4, 20, 32, 0xc2]));
            rest.extend(dice.bytes(6));
            if rest[12] == 0x80 {
                rest.extend(dice.bytes(12));
            }
            if dice.once_in(2) {
                rest.extend(b"GET / HTTP/1.1\r\n");
            }
        }
        17 => {
            let count = dice.pick(&[0, 8, 100]);
            rest.extend((8 + count as u16).to_be_bytes());
            rest.extend([0, 0]);
            rest.extend(dice.bytes(count));
        }
        _ => {
            let count = dice.pick(&[4, 20]);
            rest.extend(dice.bytes(count));
        }
    }
    rest
}
