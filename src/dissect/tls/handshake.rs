//! What was seen of one handshake, from both directions; and the two messages that it becomes.

use super::super::text::cut;
use super::super::{Direction, Kind, Mark, Message, Outcome, Output};
use super::fields::{TlsRequest, TlsResponse};
use super::fingerprint::{Transport, ja3, ja3s, ja4};
use super::parse::{
    CERTIFICATE, CERTIFICATE_REQUEST, CLIENT_HELLO, ClientHello, ENCRYPTED_EXTENSIONS,
    SERVER_HELLO, ServerHello, alert_name, certificates, certificates_13, client_hello,
    encrypted_alpn, is_grease, server_hello, version_name,
};
use super::suites::suite_name;
use super::x509::{Certificate, certificate};
use crate::field::{Nanos, Text, ToCompactString, format_compact};

const FATAL: u8 = 2;

/// Entries of a list that are kept.
const LIST_MAX: usize = 64;

/// What one side sent of the handshake.
#[derive(Debug, Default)]
struct Flight {
    first: Option<Mark>,
    last: Mark,
    bytes: u64,
    hellos: u32,
    certificates: usize,
    certificate: Option<Certificate>,
}

/// An alert in the clear.
#[derive(Debug, Clone, Copy)]
struct Alert {
    by: Direction,
    level: u8,
    description: u8,
    at: Mark,
}

/// One handshake.
#[derive(Debug, Default)]
pub struct Handshake {
    client: Flight,
    server: Flight,
    hello: Option<ClientHello>,
    answer: Option<ServerHello>,
    alert: Option<Alert>,
    has_retry: bool,
    asks_client: bool,
    completed: Option<Mark>,
    /// The server's transport gave up, without an alert.
    closed: Option<Mark>,
}

impl Handshake {
    /// Nothing was seen of it.
    pub fn is_empty(&self) -> bool {
        self.hello.is_none() && self.answer.is_none() && self.alert.is_none()
    }

    /// A further ClientHello is another handshake's: the server has not asked for it.
    pub fn is_begun(&self) -> bool {
        !self.is_empty() && self.answer.as_ref().is_none_or(|answer| !answer.is_retry)
    }

    /// A further ServerHello is another handshake's.
    pub fn is_answered(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_retry)
    }

    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Whether ChangeCipherSpec means what it says, as it does up to TLS 1.2.
    pub fn encrypts_after_change(&self) -> bool {
        match (&self.answer, &self.hello) {
            (Some(answer), _) => answer.version < 0x0304,
            (None, Some(hello)) => hello.highest() < 0x0304,
            (None, None) => true,
        }
    }

    /// Whether the server has chosen TLS 1.3, in which its further messages are encrypted.
    pub fn is_13(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.version >= 0x0304 && !answer.is_retry)
    }

    /// Bytes of a record of the handshake passed.
    pub fn record(&mut self, is_client: bool, bytes: u64, first: Mark, last: Mark) {
        let flight = if is_client { &mut self.client } else { &mut self.server };
        flight.first.get_or_insert(first);
        flight.last = last;
        flight.bytes += bytes;
    }

    /// A handshake message in the clear; false when it is none that fits.
    pub fn message(&mut self, kind: u8, body: &[u8]) -> bool {
        match kind {
            CLIENT_HELLO => {
                let Some(hello) = client_hello(body) else { return false };
                self.client.hellos += 1;
                self.hello = Some(hello);
            }
            SERVER_HELLO => {
                let Some(answer) = server_hello(body) else { return false };
                self.server.hellos += 1;
                self.has_retry |= answer.is_retry;
                self.answer = Some(answer);
            }
            _ => {}
        }
        true
    }

    /// Messages that either side may send.
    pub fn of_side(&mut self, is_client: bool, kind: u8, body: &[u8]) {
        match kind {
            CERTIFICATE => {
                let read = if self.is_13() { certificates_13 } else { certificates };
                let flight = if is_client { &mut self.client } else { &mut self.server };
                let chain = read(body);
                flight.certificates = chain.len();
                flight.certificate = chain.first().and_then(|bytes| certificate(bytes));
            }
            CERTIFICATE_REQUEST => self.asks_client = true,
            ENCRYPTED_EXTENSIONS => {
                if let (Some(answer), Some(alpn)) = (&mut self.answer, encrypted_alpn(body)) {
                    answer.alpn = alpn;
                }
            }
            _ => {}
        }
    }

    /// An alert in the clear, sent `by` this direction; whether it ends the handshake.
    pub fn alert(&mut self, by: Direction, level: u8, description: u8, at: Mark) -> bool {
        const CLOSE: [u8; 2] = [0, 90]; // close_notify, user_canceled
        let is_end = level == FATAL || CLOSE.contains(&description);
        if self.alert.is_none() || is_end {
            self.alert = Some(Alert { by, level, description, at });
        }
        is_end
    }

    /// The connection was closed by an error below TLS.
    pub fn close(&mut self, at: Mark) {
        self.closed = Some(at);
    }

    pub fn complete(&mut self, at: Mark) {
        self.completed = Some(at);
    }

    /// Hands on what was seen. `client` is the way the client sends.
    pub fn finish(self, client: Direction, by: Transport, max: usize, out: &mut Output) {
        if let Some(hello) = &self.hello {
            out.messages.push(self.request(hello, client, by, max));
        }
        if self.answer.is_some() || self.alert.is_some() || self.closed.is_some() {
            out.messages.push(self.response(client, max));
        }
    }

    fn request(
        &self,
        hello: &ClientHello,
        client: Direction,
        by: Transport,
        max: usize,
    ) -> Message {
        let flight = &self.client;
        let suites = hello.suites.iter().filter(|suite| !is_grease(**suite));
        let subject = flight.certificate.as_ref().map_or("", |one| one.subject.as_str());
        let alpn = hello.alpn.first().map_or("", String::as_str);
        let versions: Vec<Text> = match hello.versions.is_empty() {
            true => vec![version_name(hello.version).into()],
            false => hello
                .versions
                .iter()
                .filter(|v| !is_grease(**v))
                .map(|v| version_name(*v).into())
                .collect(),
        };
        let summary = [hello.server_name.as_str(), alpn].into_iter().find(|text| !text.is_empty());
        let row = TlsRequest {
            tlsx_sni: Text::from(cut(&hello.server_name, max)),
            tlsx_cipher_suites: suites.take(LIST_MAX).map(|suite| suite_name(*suite)).collect(),
            tlsx_summary: summary.map_or_else(|| self.cipher(), |text| Text::from(cut(text, max))),
            tlsx_info: Text::const_new("ClientHello"),
            tls_summary: format_compact!(
                "ClientHello {} {}",
                version_name(hello.highest()),
                cut(&hello.server_name, max)
            ),
            tls_request_size: flight.bytes as i64,
            tls_alpn_offered: hello
                .alpn
                .iter()
                .take(LIST_MAX)
                .map(|a| cut(a, max).into())
                .collect(),
            tls_versions_offered: versions.into_iter().take(LIST_MAX).collect(),
            tls_ja3: ja3(hello).into(),
            tls_ja4: ja4(hello, by).into(),
            tls_resumption_offered: hello.has_ticket
                || hello.has_psk
                || (hello.has_session && hello.versions.is_empty()),
            tls_early_data: hello.has_early_data,
            tls_client_subject: Text::from(cut(subject, max)),
        };
        Message {
            kind: Kind::Request,
            direction: client,
            key: 0,
            first: flight.first.unwrap_or_default(),
            last: flight.last,
            bytes: flight.bytes,
            units: flight.hellos,
            operation: match hello.server_name.as_str() {
                "" => Text::const_new("ClientHello"),
                name => format_compact!("ClientHello {}", cut(name, 100)),
            },
            outcome: Outcome::Unknown,
            status: 0,
            error: Text::default(),
            trace: None,
            inner: None,
            row: Box::new(row),
        }
    }

    fn cipher(&self) -> Text {
        self.answer.as_ref().map_or(Text::default(), |answer| suite_name(answer.suite))
    }

    /// Whether the server took up a session of before.
    fn is_resumed(&self, answer: &ServerHello) -> bool {
        match answer.version {
            0x0304.. => answer.has_psk,
            // The abbreviated handshake has no certificate.
            _ => {
                let offered = self.hello.as_ref().is_none_or(|h| h.has_ticket || h.has_session);
                offered && self.server.certificates == 0 && self.completed.is_some()
            }
        }
    }

    fn response(&self, client: Direction, max: usize) -> Message {
        let flight = &self.server;
        let none = ServerHello::default();
        let answer = self.answer.as_ref().unwrap_or(&none);
        let version = match self.answer {
            Some(_) => Text::from(version_name(answer.version)),
            None => Text::default(),
        };
        let unknown = Certificate::default();
        let own = flight.certificate.as_ref().unwrap_or(&unknown);
        let seconds = |time: Option<i64>| Nanos(time.unwrap_or(0).saturating_mul(1_000_000_000));
        let (outcome, error) = self.verdict(client);
        let alert = self.alert.map_or(Text::default(), alert_text);
        let row = TlsResponse {
            tlsx_cipher_suite: answer.suite.into(),
            tlsx_alpn: Text::from(cut(&answer.alpn, max)),
            tlsx_version: answer.version.into(),
            tlsx_summary: match answer.alpn.as_str() {
                "" => self.cipher(),
                alpn => Text::from(cut(alpn, max)),
            },
            tlsx_info: Text::const_new("ServerHello"),
            tls_info: Text::from(format!("{version} {}", self.cipher()).trim()),
            tls_response_size: flight.bytes as i64,
            tls_version: version,
            tls_cipher: self.cipher(),
            tls_ja3s: self.answer.as_ref().map_or(Text::default(), |answer| ja3s(answer).into()),
            tls_resumed: self.is_resumed(answer) && self.answer.is_some(),
            tls_retried: self.has_retry,
            tls_completed: self.completed.is_some(),
            tls_alert: alert,
            tls_alert_by: Text::const_new(match self.alert {
                Some(alert) if alert.by == client => "client",
                Some(_) => "server",
                None => "",
            }),
            tls_subject: Text::from(cut(&own.subject, max)),
            tls_issuer: Text::from(cut(&own.issuer, max)),
            tls_names: own.names.iter().map(|name| Text::from(cut(name, max))).collect(),
            tls_certificates: flight.certificates as i64,
            tls_not_before: seconds(own.not_before),
            tls_not_after: seconds(own.not_after),
            tls_client_asked: self.asks_client,
        };
        let at = self.alert.map(|alert| alert.at).or(self.closed);
        let last = self.completed.or(at).unwrap_or(flight.last);
        Message {
            kind: Kind::Response,
            direction: client.reverse(),
            key: 0,
            first: flight.first.or(at).unwrap_or_default(),
            last,
            bytes: flight.bytes,
            units: flight.hellos,
            operation: Text::default(),
            outcome,
            status: 0,
            error,
            trace: None,
            inner: None,
            row: Box::new(row),
        }
    }

    /// How it ended, and the alert that says why not.
    fn verdict(&self, client: Direction) -> (Outcome, Text) {
        let Some(alert) = self.alert.filter(|alert| alert.level == FATAL) else {
            let outcome = match (self.completed, self.closed) {
                (Some(_), _) => Outcome::Ok,
                (None, Some(_)) => Outcome::Refused,
                (None, None) => Outcome::Unknown,
            };
            return (outcome, Text::default());
        };
        // Whoever complains, complains of the other side; but for its own failure.
        const INTERNAL_ERROR: u8 = 80;
        let is_servers = (alert.by == client) != (alert.description == INTERNAL_ERROR);
        let outcome = if is_servers { Outcome::ServerError } else { Outcome::ClientError };
        (outcome, alert_text(alert))
    }
}

fn alert_text(alert: Alert) -> Text {
    match alert_name(alert.description) {
        Some(name) => Text::const_new(name),
        None => alert.description.to_compact_string(),
    }
}
