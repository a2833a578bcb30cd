//! Secrets -> keys: the pseudo-random function of TLS up to 1.2 (RFC 5246 section 5, RFC 2246) and
//! the key schedule of TLS 1.3 (RFC 8446 section 7).

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

/// A hash function that suites name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Bytes of its value.
    pub fn len(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }

    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => Md5::digest(data).to_vec(),
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha384 => Sha384::digest(data).to_vec(),
        }
    }

    /// HMAC (RFC 2104) of `parts` one behind the other.
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Hash::Md5 => hmac::<Md5, 64>(key, parts),
            Hash::Sha1 => hmac::<Sha1, 64>(key, parts),
            Hash::Sha256 => hmac::<Sha256, 64>(key, parts),
            Hash::Sha384 => hmac::<Sha384, 128>(key, parts),
        }
    }
}

/// `B` is the block of the hash. By hand, since crate `hmac` turns on a feature of `digest` that
/// much else would be built again for.
fn hmac<D: Digest, const B: usize>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let long = (key.len() > B).then(|| D::digest(key));
    let key = long.as_deref().unwrap_or(key);
    let pad = |with: u8| -> [u8; B] {
        std::array::from_fn(|at| key.get(at).copied().unwrap_or(0) ^ with)
    };
    let mut inner = D::new().chain_update(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    D::new().chain_update(pad(0x5c)).chain_update(inner.finalize()).finalize().to_vec()
}

/// `P_hash`: as many bytes as are asked for.
fn expand(hash: Hash, secret: &[u8], seed: &[&[u8]], len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut a = hash.hmac(secret, seed);
    while bytes.len() < len {
        bytes.extend(hash.hmac(secret, &[&[a.as_slice()], seed].concat()));
        a = hash.hmac(secret, &[&a]);
    }
    bytes.truncate(len);
    bytes
}

/// The pseudo-random function of `version`; `hash` is the suite's, which counts from TLS 1.2 on.
pub fn prf(version: u16, hash: Hash, secret: &[u8], seed: &[&[u8]], len: usize) -> Vec<u8> {
    if version >= 0x0303 {
        return expand(hash, secret, seed, len);
    }
    let half = secret.len().div_ceil(2);
    let first = secret.get(..half).unwrap_or_default();
    let second = secret.get(secret.len() - half..).unwrap_or_default();
    let md5 = expand(Hash::Md5, first, seed, len);
    let sha1 = expand(Hash::Sha1, second, seed, len);
    md5.iter().zip(sha1).map(|(a, b)| a ^ b).collect()
}

/// `HKDF-Expand-Label` without a context, for at most one block of the hash.
pub fn expand_label(hash: Hash, secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let name = [b"tls13 ", label.as_bytes()].concat();
    let info = [&(len as u16).to_be_bytes()[..], &[name.len() as u8], &name, &[0, 1]].concat();
    let mut block = hash.hmac(secret, &[&info]);
    block.truncate(len);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    }

    /// RFC 4231, cases 2 and 6; RFC 2202 for SHA-1 and MD5.
    #[test]
    fn message_authentication() {
        let data: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        let start = |hash: Hash| hash.hmac(b"Jefe", data)[..4].to_vec();
        assert_eq!(start(Hash::Sha256), hex("5bdcc146"));
        assert_eq!(start(Hash::Sha384), hex("af45d2e3"));
        assert_eq!(start(Hash::Sha1), hex("effcdf6a"));
        assert_eq!(start(Hash::Md5), hex("750c783e"));
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(Hash::Sha256.hmac(&[0xaa; 131], &[long])[..4], hex("60e43159"));
        assert_eq!(Hash::Sha384.hmac(&[0xaa; 131], &[long])[..4], hex("4ece0844"));
    }

    /// RFC 8448 section 3: the server's handshake traffic secret and its key and iv.
    #[test]
    fn keys_of_tls_13() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(key, hex("3fce516009c21727d0f2e4e86ee403bc"));
        let iv = expand_label(Hash::Sha256, &secret, "iv", 12);
        assert_eq!(iv, hex("5d313eb2671276ee13000b30"));
    }

    /// The test vector that the working group's list has for SHA-256 (2009-02-15).
    #[test]
    fn pseudo_random_function() {
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let bytes = prf(0x0303, Hash::Sha256, &secret, &[b"test label", &seed], 100);
        assert!(
            bytes.starts_with(&hex(
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
            ))
        );
        assert_eq!(bytes.len(), 100);
    }
}
