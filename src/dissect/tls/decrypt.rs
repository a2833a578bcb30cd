//! The keys of one connection: which secrets of the key log are its, and under which keys and
//! number a record opens. Keys follow each other (early data, handshake, data, updates); the ones
//! that open a record are the ones in use, so that nothing depends on having seen every record.

use std::collections::VecDeque;

use super::cipher::{Opener, Plain, Sealed, Suite};
use super::parse::{
    CLIENT_HELLO, CLIENT_KEY_EXCHANGE, ClientHello, RECORD_BYTES_MAX, RECORD_HEADER_BYTES,
    SERVER_HELLO, ServerHello, client_hello, hello_random, server_hello,
};
use super::schedule::{expand_label, prf};
use super::suites::suite_name;
use crate::keylog::{KeyLog, Label};

/// A direction in which so many records in a row did not open has other keys than ours.
const FAILURES_MAX: u32 = 16;
/// The shortest record of data: a header, a tag, a byte.
const SEALED_BYTES_MIN: u64 = 22;
const MASTER_BYTES: usize = 48;

/// What became of a sealed record.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// Its content; and bytes of data lost before it, as far as they can be told.
    Plain(Plain, u64),
    Failed,
}

/// What one connection's keys are made of.
pub struct Decryption {
    keys: KeyLog,
    client_random: Vec<u8>,
    hello: ClientHello,
    answer: Option<Answer>,
    /// Handshake messages up to the key exchange, for the extended master secret (RFC 7627).
    transcript: Transcript,
    /// Once it was looked for.
    master: Option<Option<Vec<u8>>>,
    handshake_bytes_max: usize,
    records_ahead_max: u64,
    client: Side,
    server: Side,
}

struct Answer {
    hello: ServerHello,
    random: Vec<u8>,
}

#[derive(Default)]
struct Transcript {
    hello: Vec<u8>,
    server: Vec<u8>,
    client: Vec<u8>,
    /// What the client sealed its secret into.
    exchange: Option<Vec<u8>>,
}

/// One direction.
#[derive(Default)]
struct Side {
    /// Keys in the order of their coming, the ones in use first.
    epochs: VecDeque<Epoch>,
    /// Number of the next record under them.
    sequence: u64,
    /// Bytes since the last record that opened; the records among them that are known to be one
    /// each, and the bytes of which nothing is known.
    lost: u64,
    missed: u64,
    strange: u64,
    failures: u32,
    /// The key log was asked for early data, and for all else.
    asked_early: bool,
    asked: bool,
}

/// Keys from one secret; of several suites until one of them has opened a record.
struct Epoch {
    openers: Vec<Opener>,
    /// Traffic secret of data, from which the next one follows.
    traffic: Option<(Suite, Vec<u8>)>,
    /// Data passes under it, from so many records on.
    data_from: Option<u64>,
}

impl Epoch {
    fn tls_13(suites: &[Suite], secret: Vec<u8>, is_data: bool) -> Option<Epoch> {
        let fits = suites.iter().filter(|suite| suite.prf.len() == secret.len());
        let openers: Vec<Opener> = fits.flat_map(|s| Opener::tls_13(*s, &secret)).collect();
        let traffic = match suites {
            [suite] if is_data => Some((*suite, secret)),
            _ => None,
        };
        let epoch = Epoch { openers, traffic, data_from: is_data.then_some(0) };
        (!epoch.openers.is_empty()).then_some(epoch)
    }

    /// The keys after an update (RFC 8446 section 7.2).
    fn updated(&self) -> Option<Epoch> {
        let (suite, secret) = self.traffic.as_ref()?;
        let secret = expand_label(suite.prf, secret, "traffic upd", suite.prf.len());
        Epoch::tls_13(&[*suite], secret, true)
    }

    fn open(&mut self, record: Sealed<'_>, sequence: u64) -> Option<Plain> {
        let mut openers = self.openers.iter_mut();
        let (at, plain) = openers
            .by_ref()
            .enumerate()
            .find_map(|(at, o)| Some((at, o.open(record, sequence)?)))?;
        self.openers.swap(0, at);
        self.openers.truncate(1);
        Some(plain)
    }

    fn is_seekable(&self) -> bool {
        self.openers.iter().all(Opener::is_seekable)
    }
}

impl Decryption {
    /// For the connection that a ClientHello (its body) begins.
    pub fn new(
        keys: &KeyLog,
        hello: &[u8],
        handshake_bytes_max: usize,
        records_ahead_max: u64,
    ) -> Option<Self> {
        Some(Decryption {
            keys: keys.clone(),
            client_random: hello_random(hello)?.to_vec(),
            hello: client_hello(hello)?,
            answer: None,
            transcript: Transcript::default(),
            master: None,
            handshake_bytes_max,
            records_ahead_max,
            client: Side::default(),
            server: Side::default(),
        })
    }

    /// A handshake message in the clear.
    pub fn message(&mut self, is_client: bool, kind: u8, body: &[u8]) {
        if kind == SERVER_HELLO
            && let (Some(hello), Some(random)) = (server_hello(body), hello_random(body))
            && !hello.is_retry
        {
            self.answer = Some(Answer { hello, random: random.to_vec() });
        }
        let transcript = &mut self.transcript;
        if transcript.exchange.is_some() {
            return;
        }
        let part = match (is_client, kind) {
            (true, CLIENT_HELLO) => &mut transcript.hello,
            (true, _) => &mut transcript.client,
            (false, _) => &mut transcript.server,
        };
        let [_, length @ ..] = (body.len() as u32).to_be_bytes();
        if part.len() + body.len() <= self.handshake_bytes_max {
            part.push(kind);
            part.extend_from_slice(&length);
            part.extend_from_slice(body);
        }
        if is_client && kind == CLIENT_KEY_EXCHANGE {
            transcript.exchange = Some(body.to_vec());
        }
    }

    /// Whether records of this side are worth reading whole: there are keys, and they fit so far.
    pub fn opens(&mut self, is_client: bool) -> bool {
        self.prepare(is_client);
        !self.side(is_client).epochs.is_empty()
    }

    fn side(&mut self, is_client: bool) -> &mut Side {
        if is_client { &mut self.client } else { &mut self.server }
    }

    /// Asks the key log, when the first sealed record is there.
    fn prepare(&mut self, is_client: bool) {
        if is_client && !self.client.asked_early && self.hello.has_early_data {
            self.client.asked_early = true;
            let suites: Vec<Suite> = self.hello.suites.iter().flat_map(|s| Suite::of(*s)).collect();
            let secret = self.keys.secret(Label::ClientEarly, &self.client_random);
            let epoch = secret.and_then(|secret| Epoch::tls_13(&suites, secret, true));
            self.client.epochs.extend(epoch);
        }
        if self.answer.is_none() || std::mem::replace(&mut self.side(is_client).asked, true) {
            return;
        }
        let Some(answer) = &self.answer else { return };
        if self.master.is_none() && answer.hello.version < 0x0304 {
            let suite = Suite::of(answer.hello.suite);
            self.master = Some(suite.and_then(|suite| self.master(answer, suite)));
        }
        let epochs = match answer.hello.version {
            0x0304.. => self.epochs_13(answer, is_client),
            _ => self.epoch_12(answer, is_client).into_iter().collect(),
        };
        self.side(is_client).epochs.extend(epochs);
    }

    fn epochs_13(&self, answer: &Answer, is_client: bool) -> Vec<Epoch> {
        let labels = match is_client {
            true => [(Label::ClientHandshake, false), (Label::ClientTraffic, true)],
            false => [(Label::ServerHandshake, false), (Label::ServerTraffic, true)],
        };
        let Some(suite) = Suite::of(answer.hello.suite) else { return Vec::new() };
        let epoch = |(label, is_data)| {
            let secret = self.keys.secret(label, &self.client_random)?;
            Epoch::tls_13(&[suite], secret, is_data)
        };
        labels.into_iter().flat_map(epoch).collect()
    }

    fn epoch_12(&self, answer: &Answer, is_client: bool) -> Option<Epoch> {
        let (hello, suite) = (&answer.hello, Suite::of(answer.hello.suite)?);
        if hello.version < 0x0301 {
            return None; // SSL 3.0 has another schedule
        }
        let master = self.master.as_ref()?.as_ref()?;
        let seed: [&[u8]; 3] = [b"key expansion", &answer.random, &self.client_random];
        let len = suite.key_block_bytes(hello.version);
        let block = prf(hello.version, suite.prf, master, &seed, len);
        let mac_first = !hello.has_encrypt_then_mac;
        let opener = Opener::tls_12(suite, hello.version, &block, is_client, mac_first)?;
        // The first record under them is Finished.
        Some(Epoch { openers: vec![opener], traffic: None, data_from: Some(1) })
    }

    /// The master secret: from the log, or from a premaster secret that it has.
    fn master(&self, answer: &Answer, suite: Suite) -> Option<Vec<u8>> {
        let logged = self.keys.secret(Label::Master, &self.client_random);
        let by_session = || self.keys.secret(Label::Session, &answer.hello.session);
        if let Some(master) = logged.or_else(by_session) {
            return Some(master);
        }
        let version = answer.hello.version;
        let premaster = self.premaster()?;
        let hello = [&self.client_random[..], &answer.random].concat();
        let parts = &self.transcript;
        let all = [parts.hello.as_slice(), &parts.server, &parts.client].concat();
        let (label, seed): (&[u8], Vec<u8>) = match answer.hello.has_extended_master {
            true if version >= 0x0303 => (b"extended master secret", suite.prf.digest(&all)),
            true => {
                use super::schedule::Hash::{Md5, Sha1};
                (b"extended master secret", [Md5.digest(&all), Sha1.digest(&all)].concat())
            }
            false => (b"master secret", hello),
        };
        Some(prf(version, suite.prf, &premaster, &[label, &seed], MASTER_BYTES))
    }

    fn premaster(&self) -> Option<Vec<u8>> {
        if let Some(secret) = self.keys.secret(Label::Premaster, &self.client_random) {
            return Some(secret);
        }
        // A length stands before it from TLS 1.0 on.
        let sealed = self.transcript.exchange.as_deref()?.get(2..)?;
        let logged = self.keys.secret(Label::RsaPremaster, sealed.get(..8)?);
        logged.or_else(|| if self.is_rsa() { self.keys.premaster(sealed) } else { None })
    }

    /// Whether the client seals its secret with the server's RSA key.
    fn is_rsa(&self) -> bool {
        let suite = self.answer.as_ref().map(|answer| suite_name(answer.hello.suite));
        suite.is_some_and(|name| name.starts_with("TLS_RSA_WITH_"))
    }

    /// `bytes` of this side were not read: one record, or an unknown number.
    pub fn lost(&mut self, is_client: bool, bytes: u64, is_one: bool) {
        let side = self.side(is_client);
        side.lost = side.lost.saturating_add(bytes);
        match is_one {
            true => side.missed += 1,
            false => side.strange = side.strange.saturating_add(bytes),
        }
        if !side.epochs.iter().all(Epoch::is_seekable) {
            side.epochs.clear();
        }
    }

    /// The other side will take its next keys (RFC 8446 section 4.6.3).
    pub fn update(&mut self, is_client: bool) {
        let side = self.side(is_client);
        if let Some(next) = side.epochs.front().and_then(Epoch::updated) {
            side.epochs.clear();
            side.epochs.push_back(next);
            side.sequence = 0;
        }
    }

    /// Opens a record. A `guess` may be none at all: when it does not open, nothing is lost.
    pub fn open(&mut self, is_client: bool, record: Sealed<'_>, guess: bool) -> Opened {
        let ahead_max = self.records_ahead_max;
        let side = self.side(is_client);
        if let Some((plain, lost)) = side.open(record, ahead_max) {
            return Opened::Plain(plain, lost);
        }
        if !guess {
            side.failures += 1;
            if side.failures >= FAILURES_MAX {
                side.epochs.clear();
            }
            self.lost(is_client, (RECORD_HEADER_BYTES + record.payload.len()) as u64, true);
        }
        Opened::Failed
    }
}

impl Side {
    fn open(&mut self, record: Sealed<'_>, ahead_max: u64) -> Option<(Plain, u64)> {
        let (least, most) = self.ahead();
        let most = most.min(least + ahead_max);
        let (at, sequence, plain) = self.attempt(record, least, most)?;
        self.epochs.drain(..at);
        let missed = if at == 0 { sequence - self.sequence } else { sequence };
        let from = if at == 0 { self.sequence } else { 0 };
        let lost = self.lost_data(from, missed);
        (self.lost, self.missed, self.strange, self.failures) = (0, 0, 0, 0);
        self.sequence = sequence + 1;
        Some((plain, lost))
    }

    /// How many records were missed, at least and at most.
    fn ahead(&self) -> (u64, u64) {
        let most = match self.strange {
            0 => 0,
            bytes => bytes / SEALED_BYTES_MIN + 1,
        };
        (self.missed + self.strange / RECORD_BYTES_MAX as u64, self.missed + most)
    }

    /// Tries the keys in use, then those after them, under every number that the loss allows.
    fn attempt(
        &mut self,
        record: Sealed<'_>,
        least: u64,
        most: u64,
    ) -> Option<(usize, u64, Plain)> {
        let now = self.sequence;
        if most > 0 && self.epochs.len() == 1 {
            let next = self.epochs.front().and_then(Epoch::updated);
            self.epochs.extend(next);
        }
        let mut epochs = self.epochs.iter_mut().enumerate();
        epochs.find_map(|(at, epoch)| {
            let mut numbers = if at == 0 { now + least..=now + most } else { 0..=most };
            numbers.find_map(|n| Some((at, n, epoch.open(record, n)?)))
        })
    }

    /// Bytes of data in `missed` records, of which the first had the number `from`.
    fn lost_data(&self, from: u64, missed: u64) -> u64 {
        let Some(Epoch { openers, data_from: Some(data_from), .. }) = self.epochs.front() else {
            return 0;
        };
        if missed == 0 || from + missed <= *data_from {
            return 0;
        }
        let overhead = openers.first().map_or(0, |opener| opener.overhead().1);
        self.lost
            .saturating_sub(missed.saturating_mul((RECORD_HEADER_BYTES + overhead) as u64))
            .max(1)
    }
}
