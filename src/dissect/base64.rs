//! Base64 in pieces -> bytes. Bodies of `grpc-web-text` may have been encoded message by message,
//! so that padding stands inside; ids in headers mostly leave it out.

/// What was decoded so far of four digits.
#[derive(Debug, Default)]
pub struct Base64 {
    bits: u32,
    digits: u8,
}

impl Base64 {
    /// Hands on the bytes of `coded`; what is no digit is passed over.
    pub fn decode(&mut self, coded: &[u8], mut sink: impl FnMut(u8)) {
        for &byte in coded {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' => {
                    (self.bits, self.digits) = (0, 0);
                    continue;
                }
                _ => continue,
            };
            self.bits = self.bits << 6 | u32::from(value);
            self.digits += 1;
            match self.digits {
                2 => sink((self.bits >> 4) as u8),
                3 => sink((self.bits >> 2) as u8),
                4 => {
                    sink(self.bits as u8);
                    (self.bits, self.digits) = (0, 0);
                }
                _ => {}
            }
        }
    }
}

/// The bytes of a whole text.
pub fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    Base64::default().decode(text.as_bytes(), |byte| bytes.push(byte));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_pieces_and_with_padding_inside() {
        for size in 1..5 {
            let (mut decoder, mut out) = (Base64::default(), Vec::new());
            for piece in b"TWFueQ==aGFuZHM=\r\n/+8=".chunks(size) {
                decoder.decode(piece, |byte| out.push(byte));
            }
            assert_eq!(out, b"Manyhands\xff\xef");
        }
    }
}
