//! ChaCha20-Poly1305 (RFC 8439 section 2.8), put together from its two parts: the crate that has it
//! whole turns on features that half of the other dependencies would be built again for. The
//! keystream is that of `chacha20`'s generator, whose counter of 64 bits holds the first word of the
//! nonce in its upper half.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};

const TAG_BYTES: usize = 16;

/// Opens what was sealed; None when it was sealed otherwise.
pub fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (sealed, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
    let mut keystream = keystream(key, nonce, 0);
    let mut block = [0; 64];
    keystream.fill_bytes(&mut block);
    let (mac_key, _) = block.split_first_chunk::<32>()?;
    let mut mac = Poly1305::new(&(*mac_key).into());
    mac.update_padded(aad);
    mac.update_padded(sealed);
    let lengths = [(aad.len() as u64).to_le_bytes(), (sealed.len() as u64).to_le_bytes()].concat();
    mac.update_padded(&lengths);
    if mac.finalize().as_slice() != tag {
        return None;
    }
    let mut bytes = vec![0; sealed.len()];
    keystream.fill_bytes(&mut bytes);
    bytes.iter_mut().zip(sealed).for_each(|(byte, sealed)| *byte ^= sealed);
    Some(bytes)
}

/// The keystream from this block on.
fn keystream(key: &[u8; 32], nonce: &[u8; 12], block: u32) -> ChaCha20Rng {
    let [a, b, c, d, last @ ..] = *nonce;
    let mut keystream = ChaCha20Rng::from_seed(*key);
    keystream.set_stream(u64::from_le_bytes(last));
    let first = u64::from(u32::from_le_bytes([a, b, c, d]));
    keystream.set_block_pos(first << 32 | u64::from(block));
    keystream
}

/// What hides the header of a QUIC packet (RFC 9001 section 5.4.4).
pub fn mask(key: &[u8; 32], sample: &[u8; 16]) -> [u8; 5] {
    let [a, b, c, d, nonce @ ..] = *sample;
    let mut mask = [0; 5];
    keystream(key, &nonce, u32::from_le_bytes([a, b, c, d])).fill_bytes(&mut mask);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    /// RFC 8439 section 2.8.2.
    #[test]
    fn the_vector_of_the_rfc() {
        let key: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce = hex("07 00 00 00 40 41 42 43 44 45 46 47").try_into().unwrap();
        let aad = hex("50 51 52 53 c0 c1 c2 c3 c4 c5 c6 c7");
        let mut sealed = hex(
            "d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b
             1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
             3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691",
        );
        let plain = open(&key, &nonce, &aad, &sealed).unwrap();
        assert!(
            plain.starts_with(b"Ladies and Gentlemen of the class of '99") && plain.len() == 114
        );
        sealed[3] ^= 1;
        assert_eq!(open(&key, &nonce, &aad, &sealed), None);
        assert_eq!(open(&key, &nonce, &aad, &sealed[..15]), None);
    }
}
