//! Initial packets of QUIC -> their plaintext: their keys follow from a connection id that stands
//! in the clear (RFC 9001 section 5, RFC 9369 section 3.3), so that no secret is needed.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Payload};
use sha2::{Digest, Sha256};

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
static VERSIONS: [Version; 3] = [
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
        number: 0xff00_001d,
        salt: [
            0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61,
            0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99,
        ],
        labels: V1_LABELS,
        initial: 0,
    },
];

/// The version of this number; drafts 29 to 32 are the same here.
pub fn version(number: u32) -> Option<&'static Version> {
    let number = if (0xff00_001d..=0xff00_0020).contains(&number) { 0xff00_001d } else { number };
    VERSIONS.iter().find(|version| version.number == number)
}

impl Version {
    /// What the two bits of a long header's type say.
    pub fn packet_type(&self, bits: u8) -> u8 {
        (bits.wrapping_sub(self.initial)) & 3
    }
}

/// Keys of one direction.
pub struct Keys {
    aead: Aes128Gcm,
    header: Aes128,
    iv: [u8; 12],
}

/// HMAC with SHA-256 (RFC 2104) of a key of at most a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| -> [u8; 64] {
        std::array::from_fn(|at| key.get(at).copied().unwrap_or(0) ^ with)
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// `HKDF-Expand-Label` of TLS 1.3 without a context, for at most 32 bytes: one step of HKDF.
fn expand<const N: usize>(secret: &[u8; 32], label: &str) -> [u8; N] {
    let full = [b"tls13 ", label.as_bytes()].concat();
    let info = [&(N as u16).to_be_bytes()[..], &[full.len() as u8], &full, &[0], &[1]].concat();
    let block = hmac(secret, &info);
    std::array::from_fn(|at| block.get(at).copied().unwrap_or(0))
}

impl Keys {
    /// Keys of the Initial packets that the client (or the server) sends.
    pub fn initial(version: &Version, connection: &[u8], is_client: bool) -> Keys {
        let initial = hmac(&version.salt, connection); // HKDF-Extract
        let label = if is_client { "client in" } else { "server in" };
        let secret: [u8; 32] = expand(&initial, label);
        let [key, iv, header] = version.labels;
        let key: [u8; 16] = expand(&secret, key);
        let header: [u8; 16] = expand(&secret, header);
        Keys {
            aead: Aes128Gcm::new(&key.into()),
            header: Aes128::new(&header.into()),
            iv: expand(&secret, iv),
        }
    }

    /// Opens a packet with a long header: `packet` is all of it, its number at `number_at`. None
    /// when it was not sealed with these keys.
    pub fn open(&self, packet: &[u8], number_at: usize) -> Option<Vec<u8>> {
        let sample: [u8; 16] = packet.get(number_at + 4..)?.first_chunk().copied()?;
        let mut mask = sample.into();
        self.header.encrypt_block(&mut mask);
        let [first_mask, number_mask @ ..]: [u8; 16] = mask.into();
        let (header, _) = packet.split_at_checked(number_at + 4)?;
        let mut header = header.to_vec();
        let first = header.first_mut()?;
        *first ^= first_mask & 0x0f;
        let length = usize::from(*first & 3) + 1;
        header.truncate(number_at + length);
        let mut number = 0u64;
        for (byte, mask) in header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= number;
        }
        let sealed = packet.get(number_at + length..)?;
        self.aead.decrypt(&nonce.into(), Payload { msg: sealed, aad: &header }).ok()
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
        let keys = Keys::initial(version(1).unwrap(), &hex("8394c8f03e515708"), false);
        let plain = keys.open(&packet, 18).expect("its keys");
        assert!(
            plain.starts_with(&hex("02000000000600405a020000560303eefce7f7b37ba1d1632e96677825dd"))
        );
        let others = Keys::initial(version(1).unwrap(), &hex("8394c8f03e515708"), true);
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
        let keys = Keys::initial(v2, &hex("8394c8f03e515708"), false);
        assert!(keys.open(&packet, 18).expect("its keys").starts_with(&[2, 0, 0, 0, 0, 6]));
    }
}
