//! RSA private keys of servers -> the premaster secrets that clients sealed for them (RFC 5246
//! section 7.4.7.1). Keys are PEM files: PKCS #1 (RFC 8017 appendix A.1.2) or PKCS #8 (RFC 5958),
//! not encrypted.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

/// Moduli of more bits are refused: nobody has such keys, and each use costs seconds.
const BITS_MAX: u32 = 16_384;
const PREMASTER_BYTES: usize = 48;

/// A private key.
#[derive(Clone)]
pub struct PrivateKey {
    modulus: BoxedMontyParams,
    exponent: BoxedUint,
    bytes: usize,
}

impl PrivateKey {
    /// The first key in a PEM file.
    ///
    /// # Errors
    /// A file without one, or one of another kind; in words.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let begins = |label: &str| text.find(&format!("-----BEGIN {label}-----"));
        for (label, is_wrapped) in [("RSA PRIVATE KEY", false), ("PRIVATE KEY", true)] {
            let Some(start) = begins(label) else { continue };
            let body = text.get(start..).and_then(|text| text.split("-----").nth(2));
            let der = base64(body.unwrap_or_default());
            let key = if is_wrapped { wrapped(&der) } else { Some(der.as_slice()) };
            let found = key.and_then(Self::from_der);
            return found.ok_or_else(|| "no RSA key that can be read".to_string());
        }
        match begins("ENCRYPTED PRIVATE KEY") {
            Some(_) => {
                Err("encrypted; openssl pkey -in FILE -out PLAIN takes the password off".into())
            }
            None => Err("no PEM file with an RSA private key".into()),
        }
    }

    /// `RSAPrivateKey`: version, modulus, public exponent, private exponent.
    fn from_der(der: &[u8]) -> Option<Self> {
        let (0x30, mut rest, _) = element(der)? else { return None };
        let mut integer = || -> Option<&[u8]> {
            let (0x02, value, after) = element(rest)? else { return None };
            rest = after;
            let zeros = value.iter().take_while(|byte| **byte == 0).count();
            value.get(zeros..)
        };
        let (_, modulus, _, exponent) = (integer()?, integer()?, integer()?, integer()?);
        let bits = (modulus.len() as u32).checked_mul(8).filter(|bits| *bits <= BITS_MAX)?;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).ok();
        let odd = Option::from(Odd::new(number(modulus)?))?;
        Some(PrivateKey {
            modulus: BoxedMontyParams::new_vartime(odd),
            exponent: number(exponent)?,
            bytes: modulus.len(),
        })
    }

    /// The premaster secret in `sealed`; None when it was not sealed for this key.
    pub fn premaster(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        if sealed.len() != self.bytes {
            return None;
        }
        let bits = (self.bytes as u32) * 8;
        let sealed = BoxedUint::from_be_slice(sealed, bits).ok()?;
        let plain = BoxedMontyForm::new(sealed, &self.modulus).pow(&self.exponent).retrieve();
        let plain = plain.to_be_bytes();
        let plain = plain.get(plain.len().checked_sub(self.bytes)?..)?;
        // 00 02, padding without zeros, 00, the secret, which begins with a version.
        let (padding, secret) =
            plain.split_at_checked(plain.len().checked_sub(PREMASTER_BYTES)?)?;
        let [0, 2, padding @ .., 0] = padding else { return None };
        let is_sealed = padding.iter().all(|byte| *byte != 0) && secret.first() == Some(&3);
        is_sealed.then(|| secret.to_vec())
    }
}

/// `PrivateKeyInfo`: version, algorithm, the key as an octet string.
fn wrapped(der: &[u8]) -> Option<&[u8]> {
    let (0x30, inside, _) = element(der)? else { return None };
    let (0x02, _, rest) = element(inside)? else { return None };
    let (0x30, _, rest) = element(rest)? else { return None };
    let (0x04, key, _) = element(rest)? else { return None };
    Some(key)
}

/// The first element of DER: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (digits, rest) =
                rest.split_at_checked(long - 0x80).filter(|(d, _)| d.len() <= 4)?;
            (digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Base64 with line ends; ends at what is none.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let values = digits.map_while(|byte| ALPHABET.iter().position(|digit| *digit == byte));
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for value in values {
        held = held << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../fixtures/tls/decrypted/rsa.key");

    #[test]
    fn what_is_no_key() {
        for (text, what) in [
            ("", "no PEM file"),
            ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "no PEM file"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==", "encrypted"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END", "no RSA key"),
            ("-----BEGIN PRIVATE KEY-----", "no RSA key"),
        ] {
            let error = PrivateKey::from_pem(text).map(|_| ()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        let der = base64(KEY.split("-----").nth(2).unwrap());
        for cut in 0..der.len().min(600) {
            assert!(PrivateKey::from_der(&der[..cut]).is_none());
        }
    }

    #[test]
    fn only_what_was_sealed_opens() {
        let key = PrivateKey::from_pem(KEY).unwrap();
        assert_eq!(key.bytes, 256);
        assert_eq!((key.premaster(&[7; 256]), key.premaster(&[7; 255])), (None, None));
        assert_eq!((key.premaster(&[0; 256]), key.premaster(&[0xff; 256])), (None, None));
    }
}
