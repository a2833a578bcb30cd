//! Packets of QUIC -> their plaintext (RFC 9001 section 5, RFC 9369 section 3.3). The keys of Initial
//! packets follow from a connection id that stands in the clear; those of data from secrets.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};

use super::super::tls::chacha;
use super::super::tls::cipher::{Aead, Cipher, Suite, aead};
use super::super::tls::schedule::{Hash, expand_label};

/// What differs between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub number: u32,
    salt: [u8; 20],
    labels: [&'static str; 3],
    /// Bits of the packet type that mean Initial; the others follow.
    initial: u8,
}

const V1_LABELS: [&str; 3] = ["quic key", "quic iv", "quic hp"];

/// Versions whose Initial packets can be read: 1, 2 and the last drafts that were deployed.
static VERSIONS: [Version; 4] = [
    Version {
        number: 1,
        salt: [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
            0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
        ],
        labels: V1_LABELS,
        initial: 0,
    },
    Version {
        number: 0x6b33_43cf,
        salt: [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
            0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
        ],
        labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
        initial: 1,
    },
    Version {
        number: 0xff00_0017,
        salt: [
            0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4,
            0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02,
        ],
        labels: V1_LABELS,
        initial: 0,
    },
    Version {
        number: 0xff00_001d,
        salt: [
            0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
            0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99,
        ],
        labels: V1_LABELS,
        initial: 0,
    },
];

/// The version of this number; drafts 23 to 28 and 29 to 32 are the same here.
pub fn version(number: u32) -> Option<&'static Version> {
    let number = match number {
        0xff00_0017..=0xff00_001c => 0xff00_0017,
        0xff00_001d..=0xff00_0020 => 0xff00_001d,
        number => number,
    };
    VERSIONS.iter().find(|version| version.number == number)
}

impl Version {
    /// What the two bits of a long header's type say.
    pub fn packet_type(&self, bits: u8) -> u8 {
        (bits.wrapping_sub(self.initial)) & 3
    }
}

/// What hides the header of a packet.
enum Mask {
    Aes128(Box<Aes128>),
    Aes256(Box<Aes256>),
    ChaCha([u8; 32]),
}

impl Mask {
    fn new(cipher: Cipher, key: &[u8]) -> Option<Mask> {
        match cipher {
            Cipher::Aes256Gcm => Some(Mask::Aes256(Box::new(Aes256::new_from_slice(key).ok()?))),
            Cipher::ChaCha20Poly1305 => Some(Mask::ChaCha(key.try_into().ok()?)),
            _ => Some(Mask::Aes128(Box::new(Aes128::new_from_slice(key).ok()?))),
        }
    }

    fn of(&self, sample: [u8; 16]) -> [u8; 5] {
        let mut block = sample.into();
        match self {
            Mask::Aes128(aes) => aes.encrypt_block(&mut block),
            Mask::Aes256(aes) => aes.encrypt_block(&mut block),
            Mask::ChaCha(key) => return chacha::mask(key, &sample),
        }
        let [a, b, c, d, e, ..]: [u8; 16] = block.into();
        [a, b, c, d, e]
    }
}

/// Keys of one direction.
pub struct Keys {
    aead: Box<dyn Aead>,
    mask: Mask,
    iv: [u8; 12],
}

/// A packet whose header is laid open.
struct Open<'a> {
    header: Vec<u8>,
    number: u64,
    number_bytes: usize,
    sealed: &'a [u8],
}

impl Keys {
    /// Keys of the Initial packets that the client (or the server) sends.
    pub fn initial(version: &Version, connection: &[u8], is_client: bool) -> Option<Keys> {
        let initial = Hash::Sha256.hmac(&version.salt, &[connection]); // HKDF-Extract
        let label = if is_client { "client in" } else { "server in" };
        let secret = expand_label(Hash::Sha256, &initial, label, 32);
        Keys::new(version, Suite::of(AES_128_GCM)?, &secret)
    }

    /// Keys from a traffic secret.
    pub fn new(version: &Version, suite: Suite, secret: &[u8]) -> Option<Keys> {
        let [key, iv, header] = version.labels;
        let key = expand_label(suite.prf, secret, key, suite.key_bytes);
        let header = expand_label(suite.prf, secret, header, suite.key_bytes);
        Some(Keys {
            aead: aead(suite.cipher, &key)?,
            mask: Mask::new(suite.cipher, &header)?,
            iv: expand_label(suite.prf, secret, iv, 12).try_into().ok()?,
        })
    }

    /// Lays open the header of a packet whose number is at `number_at`.
    fn lay_open<'a>(&self, packet: &'a [u8], number_at: usize) -> Option<Open<'a>> {
        let sample: [u8; 16] = packet.get(number_at + 4..)?.first_chunk().copied()?;
        let [first_mask, number_mask @ ..] = self.mask.of(sample);
        let mut header = packet.get(..number_at + 4)?.to_vec();
        let first = header.first_mut()?;
        *first ^= first_mask & if *first & 0x80 == 0 { 0x1f } else { 0x0f };
        let number_bytes = usize::from(*first & 3) + 1;
        header.truncate(number_at + number_bytes);
        let mut number = 0u64;
        for (byte, mask) in header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let sealed = packet.get(number_at + number_bytes..)?;
        Some(Open { header, number, number_bytes, sealed })
    }

    fn unseal(&self, open: &Open<'_>, number: u64) -> Option<Vec<u8>> {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= number;
        }
        self.aead.open(&nonce, &open.header, open.sealed)
    }

    /// Opens a packet with a long header: `packet` is all of it, its number at `number_at`. None
    /// when it was not sealed with these keys.
    pub fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let open = self.lay_open(packet, number_at)?;
        self.unseal(&open, open.number)
    }
}

/// TLS_AES_128_GCM_SHA256.
const AES_128_GCM: u16 = 0x1301;
/// The bit of a short header that tells which keys are in use.
const KEY_PHASE: u8 = 0x04;

/// The packets of data of one direction, whose keys change (RFC 9001 section 6).
pub struct Traffic {
    version: &'static Version,
    suite: Suite,
    secret: Vec<u8>,
    keys: Keys,
    phase: bool,
    /// The highest packet number so far.
    highest: Option<u64>,
}

impl Traffic {
    pub fn new(version: &'static Version, suite: Suite, secret: Vec<u8>) -> Option<Self> {
        let keys =
            Keys::new(version, suite, &secret).filter(|_| secret.len() == suite.prf.len())?;
        Some(Traffic { version, suite, secret, keys, phase: false, highest: None })
    }

    /// Opens a packet with a short header and a connection id of so many bytes.
    pub fn open(&mut self, packet: &[u8], id_bytes: usize) -> Option<Vec<u8>> {
        let open = self.keys.lay_open(packet, 1 + id_bytes)?;
        let number = nearest(self.highest, open.number, open.number_bytes);
        let phase = open.header.first()? & KEY_PHASE != 0;
        let plain = match phase == self.phase {
            true => self.keys.unseal(&open, number)?,
            false => self.next_keys(&open, number)?,
        };
        self.highest = self.highest.max(Some(number));
        Some(plain)
    }

    /// The other phase: keys of before or after; only those after are kept.
    fn next_keys(&mut self, open: &Open<'_>, number: u64) -> Option<Vec<u8>> {
        let label = if self.version.number == 0x6b33_43cf { "quicv2 ku" } else { "quic ku" };
        let secret = expand_label(self.suite.prf, &self.secret, label, self.suite.prf.len());
        let mut next = Keys::new(self.version, self.suite, &secret)?;
        let plain = next.unseal(open, number)?;
        std::mem::swap(&mut next.mask, &mut self.keys.mask); // this one stays
        (self.keys, self.secret, self.phase) = (next, secret, !self.phase);
        Some(plain)
    }
}

/// The packet number that ends in these bytes and is nearest to the next one expected (RFC 9000
/// appendix A.3).
fn nearest(highest: Option<u64>, number: u64, bytes: usize) -> u64 {
    let expected = highest.map_or(0, |highest| highest + 1);
    let window = 1u64 << (8 * bytes);
    let candidate = expected & !(window - 1) | number;
    if candidate + window / 2 <= expected {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// The server's Initial of RFC 9001 appendix A.3.
    #[test]
    fn the_servers_initial() {
        let packet = hex(
            "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a
             5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9
             c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4
             2158407dd074ee",
        );
        let keys = Keys::initial(version(1).unwrap(), &hex("8394c8f03e515708"), false).unwrap();
        let plain = keys.open(&packet, 18).expect("its keys");
        assert!(
            plain.starts_with(&hex("02000000000600405a020000560303eefce7f7b37ba1d1632e96677825dd"))
        );
        let others = Keys::initial(version(1).unwrap(), &hex("8394c8f03e515708"), true).unwrap();
        assert_eq!(others.open(&packet, 18), None);
        assert_eq!(keys.open(&packet[..30], 18), None);
    }

    /// The server's Initial of RFC 9369 appendix A.3.
    #[test]
    fn version_2() {
        let packet = hex(
            "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf872630
             17915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2
             c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
        );
        let v2 = version(0x6b3343cf).unwrap();
        assert_eq!(v2.packet_type(packet[0] >> 4 & 3), 0);
        let keys = Keys::initial(v2, &hex("8394c8f03e515708"), false).unwrap();
        assert!(keys.open(&packet, 18).expect("its keys").starts_with(&[2, 0, 0, 0, 0, 6]));
    }

    /// RFC 9001 appendix A.5: a packet under ChaCha20-Poly1305.
    #[test]
    fn a_short_header() {
        let secret = hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        let suite = Suite::of(0x1303).unwrap();
        let mut traffic = Traffic::new(version(1).unwrap(), suite, secret).unwrap();
        traffic.highest = Some(654_360_560);
        let packet = hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
        assert_eq!(traffic.open(&packet, 0).unwrap(), [1]);
        assert_eq!(traffic.highest, Some(654_360_564));
        assert_eq!(traffic.open(&packet[..20], 0), None);
    }

    /// RFC 9000 appendix A.3.
    #[test]
    fn packet_numbers() {
        assert_eq!(nearest(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!((nearest(None, 3, 1), nearest(Some(255), 0, 1)), (3, 256));
        assert_eq!(nearest(Some(256), 0xff, 1), 255);
    }
}
