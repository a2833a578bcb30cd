//! One sealed record -> its plaintext: AEADs of TLS 1.2 and 1.3, CBC with HMAC in both orders (RFC
//! 5246 section 6.2.3, RFC 7366), RC4. A record that was altered, or sealed with other keys or
//! under another number, does not open.

use aes::{Aes128, Aes256};
use aes_gcm::aead::consts::{U8, U12, U16};
use aes_gcm::aead::{self, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use cbc::Decryptor;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use ccm::Ccm;
use des::TdesEde3;
use rc4::{Rc4, StreamCipher};

use super::chacha;
use super::parse::RECORD_HEADER_BYTES;
use super::schedule::{Hash, expand_label};
use super::suites::suite_name;

/// How a suite seals records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    Aes128Ccm,
    Aes256Ccm,
    Aes128Ccm8,
    Aes256Ccm8,
    ChaCha20Poly1305,
    Aes128Cbc,
    Aes256Cbc,
    TripleDesCbc,
    Rc4,
}

/// What names of suites say, longer ones before those that they begin with; with bytes of the key.
const CIPHERS: &[(&str, Cipher, usize)] = &[
    ("AES_128_GCM", Cipher::Aes128Gcm, 16),
    ("AES_256_GCM", Cipher::Aes256Gcm, 32),
    ("AES_128_CCM_8", Cipher::Aes128Ccm8, 16),
    ("AES_256_CCM_8", Cipher::Aes256Ccm8, 32),
    ("AES_128_CCM", Cipher::Aes128Ccm, 16),
    ("AES_256_CCM", Cipher::Aes256Ccm, 32),
    ("CHACHA20_POLY1305", Cipher::ChaCha20Poly1305, 32),
    ("AES_128_CBC", Cipher::Aes128Cbc, 16),
    ("AES_256_CBC", Cipher::Aes256Cbc, 32),
    ("3DES_EDE_CBC", Cipher::TripleDesCbc, 24),
    ("RC4_128", Cipher::Rc4, 16),
];

/// A cipher suite that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    pub cipher: Cipher,
    pub key_bytes: usize,
    /// Of the suite's name: the MAC's where records have one.
    mac: Hash,
    /// The hash of its key schedule.
    pub prf: Hash,
}

impl Suite {
    /// Reads the suite's name; None where it cannot be opened.
    pub fn of(number: u16) -> Option<Suite> {
        let name = suite_name(number);
        let name = name.strip_prefix("TLS_")?;
        let sealing = name.split_once("_WITH_").map_or(name, |(_, sealing)| sealing);
        let is_it = |(start, ..): &&(&str, Cipher, usize)| sealing.starts_with(start);
        let &(start, cipher, key_bytes) = CIPHERS.iter().find(is_it)?;
        let mac = match sealing.strip_prefix(start)? {
            "_MD5" => Hash::Md5,
            "_SHA" => Hash::Sha1,
            "" | "_SHA256" => Hash::Sha256,
            "_SHA384" => Hash::Sha384,
            _ => return None,
        };
        let prf = if mac == Hash::Sha384 { Hash::Sha384 } else { Hash::Sha256 };
        Some(Suite { cipher, key_bytes, mac, prf })
    }

    fn block_bytes(self) -> usize {
        match self.cipher {
            Cipher::Aes128Cbc | Cipher::Aes256Cbc => 16,
            Cipher::TripleDesCbc => 8,
            _ => 0,
        }
    }

    /// Bytes of MAC key, key and fixed iv for each side in the key block of `version` (up to 1.2).
    fn key_block(self, version: u16) -> [usize; 3] {
        let mac = match self.cipher {
            Cipher::Aes128Cbc | Cipher::Aes256Cbc | Cipher::TripleDesCbc | Cipher::Rc4 => {
                self.mac.len()
            }
            _ => 0,
        };
        let iv = match self.cipher {
            Cipher::ChaCha20Poly1305 => 12,
            Cipher::Rc4 => 0,
            _ if mac == 0 => 4,
            _ if version <= 0x0301 => self.block_bytes(),
            _ => 0,
        };
        [mac, self.key_bytes, iv]
    }

    /// Bytes of the whole key block.
    pub fn key_block_bytes(self, version: u16) -> usize {
        2 * self.key_block(version).iter().sum::<usize>()
    }
}

/// A sealed record.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    pub header: [u8; RECORD_HEADER_BYTES],
    pub payload: &'a [u8],
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    pub content: u8,
    pub bytes: Vec<u8>,
    /// Sealed bytes in front of what `bytes` are made of: an explicit nonce or iv.
    pub prefix: usize,
}

/// An AEAD with its key.
pub trait Aead: Send {
    fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}

impl<A: aead::Aead + aead::AeadCore<NonceSize = U12> + Send> Aead for Crate<A> {
    fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(&(*nonce).into(), Payload { msg: sealed, aad }).ok()
    }
}

/// ChaCha20-Poly1305 with its key.
struct ChaCha([u8; 32]);

impl Aead for ChaCha {
    fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        chacha::open(&self.0, nonce, aad, sealed)
    }
}

/// An AEAD of a crate with its key.
struct Crate<A>(A);

/// The AEAD of a suite; None where it seals otherwise.
pub fn aead(cipher: Cipher, key: &[u8]) -> Option<Box<dyn Aead>> {
    fn made<A: KeyInit + 'static>(key: &[u8]) -> Option<Box<dyn Aead>>
    where
        Crate<A>: Aead,
    {
        Some(Box::new(Crate(A::new_from_slice(key).ok()?)))
    }
    match cipher {
        Cipher::Aes128Gcm => made::<Aes128Gcm>(key),
        Cipher::Aes256Gcm => made::<Aes256Gcm>(key),
        Cipher::Aes128Ccm => made::<Ccm<Aes128, U16, U12>>(key),
        Cipher::Aes256Ccm => made::<Ccm<Aes256, U16, U12>>(key),
        Cipher::Aes128Ccm8 => made::<Ccm<Aes128, U8, U12>>(key),
        Cipher::Aes256Ccm8 => made::<Ccm<Aes256, U8, U12>>(key),
        Cipher::ChaCha20Poly1305 => Some(Box::new(ChaCha(key.try_into().ok()?))),
        _ => None,
    }
}

enum Method {
    Aead(Box<dyn Aead>, Vec<u8>),
    Cbc {
        key: Vec<u8>,
        /// The last block of the record before: the iv of TLS 1.0.
        chained: Option<Vec<u8>>,
        mac_first: bool,
    },
    Rc4(Box<Rc4>),
}

/// The keys of one direction.
pub struct Opener {
    suite: Suite,
    method: Method,
    mac_key: Vec<u8>,
    is_13: bool,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener({:?})", self.suite.cipher)
    }
}

impl Opener {
    /// Keys of TLS 1.3 from a traffic secret.
    pub fn tls_13(suite: Suite, secret: &[u8]) -> Option<Opener> {
        let key = expand_label(suite.prf, secret, "key", suite.key_bytes);
        let iv = expand_label(suite.prf, secret, "iv", 12);
        let method = Method::Aead(aead(suite.cipher, &key)?, iv);
        Some(Opener { suite, method, mac_key: Vec::new(), is_13: true })
    }

    /// Keys of TLS 1.0 to 1.2 from the key block; `mac_first` unless encrypt-then-MAC was agreed on.
    pub fn tls_12(
        suite: Suite,
        version: u16,
        block: &[u8],
        is_client: bool,
        mac_first: bool,
    ) -> Option<Opener> {
        let [mac, key, iv] = suite.key_block(version);
        let mut rest = block;
        let mut pick = |len: usize| -> Option<Vec<u8>> {
            let (client, after) = rest.split_at_checked(len)?;
            let (server, after) = after.split_at_checked(len)?;
            rest = after;
            Some(if is_client { client } else { server }.to_vec())
        };
        let (mac_key, key, iv) = (pick(mac)?, pick(key)?, pick(iv)?);
        let method = match suite.cipher {
            Cipher::Rc4 => Method::Rc4(Box::new(<Rc4 as KeyInit>::new_from_slice(&key).ok()?)),
            _ if suite.block_bytes() > 0 => {
                Method::Cbc { key, chained: (!iv.is_empty()).then_some(iv), mac_first }
            }
            _ => Method::Aead(aead(suite.cipher, &key)?, iv),
        };
        Some(Opener { suite, method, mac_key, is_13: false })
    }

    /// Whether records can be opened out of turn.
    pub fn is_seekable(&self) -> bool {
        !matches!(self.method, Method::Rc4(_) | Method::Cbc { chained: Some(_), .. })
    }

    /// Bytes that a record has beyond its plaintext, in front of it and in all; padding of blocks
    /// is not known before.
    pub fn overhead(&self) -> (usize, usize) {
        let tag = if matches!(self.suite.cipher, Cipher::Aes128Ccm8 | Cipher::Aes256Ccm8) {
            8
        } else {
            16
        };
        match &self.method {
            Method::Aead(..) if self.is_13 => (0, tag + 1),
            Method::Aead(_, iv) => (12 - iv.len().min(12), tag + 12 - iv.len().min(12)),
            Method::Cbc { chained: Some(_), .. } => (0, self.suite.mac.len() + 1),
            Method::Cbc { .. } => {
                (self.suite.block_bytes(), self.suite.block_bytes() + self.suite.mac.len() + 1)
            }
            Method::Rc4(_) => (0, self.suite.mac.len()),
        }
    }

    /// Opens the record of this number.
    pub fn open(&mut self, record: Sealed<'_>, sequence: u64) -> Option<Plain> {
        let (prefix, _) = self.overhead();
        let bytes = match &self.method {
            Method::Aead(..) => self.open_aead(record, sequence, prefix)?,
            Method::Cbc { .. } => self.open_cbc(record, sequence, prefix)?,
            Method::Rc4(_) => self.open_rc4(record, sequence)?,
        };
        let mut plain = Plain { content: record.header[0], bytes, prefix };
        if self.is_13 {
            let end = plain.bytes.iter().rposition(|byte| *byte != 0)?;
            plain.content = plain.bytes.get(end).copied()?;
            plain.bytes.truncate(end);
        }
        Some(plain)
    }

    fn open_aead(&self, record: Sealed<'_>, sequence: u64, prefix: usize) -> Option<Vec<u8>> {
        let Method::Aead(aead, iv) = &self.method else { return None };
        let (explicit, sealed) = record.payload.split_at_checked(prefix)?;
        let mut nonce = [0; 12];
        let parts = iv.iter().chain(explicit);
        nonce.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        if prefix == 0 {
            let number = sequence.to_le_bytes();
            nonce.iter_mut().rev().zip(number).for_each(|(byte, number)| *byte ^= number);
        }
        if self.is_13 {
            return aead.open(&nonce, &record.header, sealed);
        }
        let len = record.payload.len().checked_sub(self.overhead().1)?;
        aead.open(&nonce, &authenticated(record, sequence, len), sealed)
    }

    fn open_cbc(&mut self, record: Sealed<'_>, sequence: u64, prefix: usize) -> Option<Vec<u8>> {
        let (suite, mac_len) = (self.suite, self.suite.mac.len());
        let Method::Cbc { key, chained, mac_first } = &mut self.method else { return None };
        let mut payload = record.payload;
        if !*mac_first {
            let (sealed, mac) = payload.split_at_checked(payload.len().checked_sub(mac_len)?)?;
            let head = authenticated(record, sequence, sealed.len());
            if suite.mac.hmac(&self.mac_key, &[&head, sealed]) != mac {
                return None;
            }
            payload = sealed;
        }
        let (explicit, sealed) = payload.split_at_checked(prefix)?;
        let mut bytes = sealed.to_vec();
        let iv = chained.as_deref().unwrap_or(explicit);
        match suite.cipher {
            Cipher::Aes128Cbc => unchain::<Decryptor<Aes128>>(key, iv, &mut bytes),
            Cipher::Aes256Cbc => unchain::<Decryptor<Aes256>>(key, iv, &mut bytes),
            _ => unchain::<Decryptor<TdesEde3>>(key, iv, &mut bytes),
        }?;
        if let Some(chained) = chained {
            *chained = sealed
                .last_chunk::<8>()
                .map(|_| {
                    sealed
                        .get(sealed.len().saturating_sub(suite.block_bytes())..)
                        .unwrap_or_default()
                })?
                .to_vec();
        }
        unpad(&mut bytes)?;
        if *mac_first {
            self.take_mac(record, sequence, &mut bytes)?
        }
        Some(bytes)
    }

    fn open_rc4(&mut self, record: Sealed<'_>, sequence: u64) -> Option<Vec<u8>> {
        let Method::Rc4(rc4) = &mut self.method else { return None };
        let mut bytes = record.payload.to_vec();
        rc4.apply_keystream(&mut bytes);
        self.take_mac(record, sequence, &mut bytes)?;
        Some(bytes)
    }

    /// Takes the MAC off the end of `bytes`; None when it is another's.
    fn take_mac(&self, record: Sealed<'_>, sequence: u64, bytes: &mut Vec<u8>) -> Option<()> {
        let at = bytes.len().checked_sub(self.suite.mac.len())?;
        let mac = bytes.split_off(at);
        let head = authenticated(record, sequence, at);
        (self.suite.mac.hmac(&self.mac_key, &[&head, bytes]) == mac).then_some(())
    }
}

/// What is authenticated besides the content: number, type, version, length.
fn authenticated(record: Sealed<'_>, sequence: u64, len: usize) -> [u8; 13] {
    let [content, major, minor, ..] = record.header;
    let [high, low] = (len as u16).to_be_bytes();
    let mut head = [0; 13];
    let parts = sequence.to_be_bytes().into_iter().chain([content, major, minor, high, low]);
    head.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    head
}

fn unchain<C: BlockModeDecrypt + KeyIvInit>(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<()> {
    let mut mode = C::new_from_slices(key, iv).ok()?;
    let (blocks, rest) = Array::slice_as_chunks_mut(data);
    mode.decrypt_blocks(blocks);
    rest.is_empty().then_some(())
}

/// Takes the padding off; None when it is none.
fn unpad(bytes: &mut Vec<u8>) -> Option<()> {
    let padding = *bytes.last()?;
    let at = bytes.len().checked_sub(usize::from(padding) + 1)?;
    bytes.get(at..)?.iter().all(|byte| *byte == padding).then(|| bytes.truncate(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_by_their_names() {
        let of = |number| Suite::of(number).map(|s| (s.cipher, s.mac, s.prf));
        for (number, expected) in [
            (0x1301, Some((Cipher::Aes128Gcm, Hash::Sha256, Hash::Sha256))),
            (0x1302, Some((Cipher::Aes256Gcm, Hash::Sha384, Hash::Sha384))),
            (0x1305, Some((Cipher::Aes128Ccm8, Hash::Sha256, Hash::Sha256))),
            (0xc0ac, Some((Cipher::Aes128Ccm, Hash::Sha256, Hash::Sha256))),
            (0xcca8, Some((Cipher::ChaCha20Poly1305, Hash::Sha256, Hash::Sha256))),
            (0xc014, Some((Cipher::Aes256Cbc, Hash::Sha1, Hash::Sha256))),
            (0xc028, Some((Cipher::Aes256Cbc, Hash::Sha384, Hash::Sha384))),
            (0x0004, Some((Cipher::Rc4, Hash::Md5, Hash::Sha256))),
            (0x000a, Some((Cipher::TripleDesCbc, Hash::Sha1, Hash::Sha256))),
            (0x0041, None), // Camellia
            (0x0000, None),
            (0xfafa, None),
        ] {
            assert_eq!(of(number), expected, "{number:04x}");
        }
    }
}
