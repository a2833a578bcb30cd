//! Key logs -> secrets of TLS and QUIC sessions, by what tells a session: the text that
//! `SSLKEYLOGFILE` makes (NSS; draft-ietf-tls-keylogfile), with Wireshark's additions. The logs are
//! files that the user names, and Decryption Secrets Blocks of captures; private keys of servers do
//! for RSA key exchange. What secrets open is `dissect/tls/`.

mod rsa;

pub use rsa::PrivateKey;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Serialize, Serializer};

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Master secret of TLS up to 1.2, by the client's random.
    Master,
    /// Premaster secret, by the client's random.
    Premaster,
    /// Premaster secret, by the first eight bytes of what RSA made of it.
    RsaPremaster,
    /// Master secret, by the session id.
    Session,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

/// The names of the labels; the session's form is another (`RSA Session-ID:.. Master-Key:..`).
const LABELS: &[(&str, Label)] = &[
    ("CLIENT_RANDOM", Label::Master),
    ("PMS_CLIENT_RANDOM", Label::Premaster),
    ("RSA", Label::RsaPremaster),
    ("CLIENT_EARLY_TRAFFIC_SECRET", Label::ClientEarly),
    ("QUIC_CLIENT_EARLY_TRAFFIC_SECRET", Label::ClientEarly),
    ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Label::ClientHandshake),
    ("QUIC_CLIENT_HANDSHAKE_TRAFFIC_SECRET", Label::ClientHandshake),
    ("SERVER_HANDSHAKE_TRAFFIC_SECRET", Label::ServerHandshake),
    ("QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET", Label::ServerHandshake),
    ("CLIENT_TRAFFIC_SECRET_0", Label::ClientTraffic),
    ("QUIC_CLIENT_TRAFFIC_SECRET_0", Label::ClientTraffic),
    ("SERVER_TRAFFIC_SECRET_0", Label::ServerTraffic),
    ("QUIC_SERVER_TRAFFIC_SECRET_0", Label::ServerTraffic),
];

/// Longest secret and id that are kept.
const SECRET_BYTES_MAX: usize = 64;

type Secrets = HashMap<(Label, Vec<u8>), Vec<u8>>;

/// The secrets at hand: those that were there before a replay, and those that captures bring on the
/// way. Clones share both.
#[derive(Clone, Default)]
pub struct KeyLog {
    given: Arc<Secrets>,
    private: Arc<Vec<PrivateKey>>,
    /// Hash of what was given: it shapes results, what captures bring comes with them.
    digest: String,
    // Looked up, never iterated.
    found: Arc<RwLock<Secrets>>,
}

impl KeyLog {
    /// Takes in the text of key logs, at most `max` secrets; says how many secrets it holds.
    pub fn new(texts: &[Vec<u8>], max: usize) -> (Self, usize) {
        let mut given = Secrets::new();
        let mut hash = blake3::Hasher::new();
        for text in texts {
            hash.update(blake3::hash(text).as_bytes());
            learn(&mut given, text, max);
        }
        let count = given.len();
        let digest = hash.finalize().to_hex().to_string();
        let log = KeyLog { given: Arc::new(given), digest, ..KeyLog::default() };
        (log, count)
    }

    /// Adds private keys, the texts that they were read from beside them.
    pub fn with_private(mut self, keys: Vec<(String, PrivateKey)>) -> Self {
        let texts = keys.iter().map(|(text, _)| text.as_str()).collect::<String>();
        let hash = blake3::hash(texts.as_bytes()).to_hex();
        self.digest += hash.as_str();
        self.private = Arc::new(keys.into_iter().map(|(_, key)| key).collect());
        self
    }

    /// What a client sealed for one of the private keys.
    pub fn premaster(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.private.iter().find_map(|key| key.premaster(sealed))
    }

    /// Takes in what a capture brings, at most `max` secrets in all; false when there were more.
    pub fn find(&self, text: &[u8], max: usize) -> bool {
        learn(&mut self.found.write().unwrap_or_else(PoisonError::into_inner), text, max)
    }

    /// Without any secret nothing need be kept for them.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
            && self.private.is_empty()
            && self.found.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The secret of this kind for the session that `id` tells.
    pub fn secret(&self, label: Label, id: &[u8]) -> Option<Vec<u8>> {
        let key = (label, id.to_vec());
        let found = || {
            let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
            found.get(&key).cloned()
        };
        self.given.get(&key).cloned().or_else(found)
    }
}

/// Reads the lines of a key log; false when not all of it was kept.
fn learn(secrets: &mut Secrets, text: &[u8], max: usize) -> bool {
    for line in text.split(|byte| *byte == b'\n') {
        let Some((label, id, secret)) = std::str::from_utf8(line).ok().and_then(entry) else {
            continue;
        };
        if secrets.len() >= max && !secrets.contains_key(&(label, id.clone())) {
            return false;
        }
        secrets.insert((label, id), secret);
    }
    true
}

/// One line: what the secret is, whose it is, the secret.
fn entry(line: &str) -> Option<(Label, Vec<u8>, Vec<u8>)> {
    let mut words = line.split_ascii_whitespace();
    let (name, id, secret) = (words.next()?, words.next()?, words.next()?);
    if let ("RSA", Some(id), Some(secret)) =
        (name, id.strip_prefix("Session-ID:"), secret.strip_prefix("Master-Key:"))
    {
        return Some((Label::Session, hex(id)?, hex(secret)?));
    }
    let (_, label) = LABELS.iter().find(|(known, _)| *known == name)?;
    Some((*label, hex(id)?, hex(secret)?))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || text.len() / 2 > SECRET_BYTES_MAX {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    text.as_bytes().as_chunks::<2>().0.iter().map(byte).collect()
}

impl PartialEq for KeyLog {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for KeyLog {}

/// Never the secrets.
impl std::fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyLog({} secrets)", self.given.len())
    }
}

/// As what shapes results: a hash of what was given.
impl Serialize for KeyLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_kinds() {
        let text = b"# comment\nCLIENT_RANDOM 0a0B 0102\r\nRSA 0011223344556677 aa\n\
            RSA Session-ID:beef Master-Key:cafe\nSERVER_TRAFFIC_SECRET_0 01 02\nEXPORTER_SECRET 01 02\n\
            CLIENT_RANDOM 0a0 01\nCLIENT_RANDOM zz 01\nCLIENT_RANDOM 01\n\xff\xfe 01 02";
        let (log, count) = KeyLog::new(&[text.to_vec()], 100);
        assert_eq!(count, 4);
        assert_eq!(log.secret(Label::Master, b"\x0a\x0b").as_deref(), Some(&b"\x01\x02"[..]));
        assert_eq!(
            log.secret(Label::RsaPremaster, b"\0\x11\x22\x33\x44\x55\x66\x77").unwrap(),
            [0xaa]
        );
        assert_eq!(log.secret(Label::Session, b"\xbe\xef").unwrap(), b"\xca\xfe");
        assert_eq!(log.secret(Label::ClientTraffic, b"\x01"), None);
        assert_eq!(log.secret(Label::ServerTraffic, b"\x01").unwrap(), [2]);
    }

    #[test]
    fn captures_bring_more_within_the_limit() {
        let (log, _) = KeyLog::new(&[], 2);
        let clone = log.clone();
        assert!(log.is_empty() && log.find(b"CLIENT_RANDOM 01 02\nCLIENT_RANDOM 02 02", 2));
        assert_eq!(clone.secret(Label::Master, b"\x01").unwrap(), [2]);
        assert!(!log.find(b"CLIENT_RANDOM 03 02", 2) && log.find(b"CLIENT_RANDOM 01 09", 2));
        assert_eq!(clone.secret(Label::Master, b"\x01").unwrap(), [9]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let (log, _) = KeyLog::new(&[b"CLIENT_RANDOM 01 abcd".to_vec()], 2);
        let shown = format!("{log:?} {}", serde_json::to_string(&log).unwrap());
        assert!(!shown.contains("abcd") && shown.contains("1 secrets"));
        assert_ne!(log, KeyLog::default());
    }
}
