//! Records and handshake messages (RFC 5246, RFC 8446) -> what they say in the clear. Pure
//! functions over bytes; what is missing at the end of a hello is left out, not refused.

/// Longest record (RFC 8446 section 5.2, and what older versions allow).
pub const RECORD_BYTES_MAX: usize = (1 << 14) + 2048;
pub const RECORD_HEADER_BYTES: usize = 5;

/// Content types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    Heartbeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    pub content: Content,
    pub length: usize,
}

/// The content type of this number.
pub fn content(number: u8) -> Option<Content> {
    Some(match number {
        20 => Content::ChangeCipherSpec,
        21 => Content::Alert,
        22 => Content::Handshake,
        23 => Content::ApplicationData,
        24 => Content::Heartbeat,
        _ => return None,
    })
}

/// Reads a record header; None when it is none or not all there.
pub fn record_header(bytes: &[u8]) -> Option<RecordHeader> {
    let &[number, 3, minor, high, low, ..] = bytes else { return None };
    let content = content(number)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (minor <= 4 && length <= RECORD_BYTES_MAX).then_some(RecordHeader { content, length })
}

/// Whether `bytes` begin with the record of a hello: it has the shape of nothing else.
pub fn begins_hello(bytes: &[u8]) -> bool {
    let &[22, 3, _, _, _, CLIENT_HELLO | SERVER_HELLO, 0, _, _, major, minor, ..] = bytes else {
        return false;
    };
    // Drafts of TLS 1.3 wrote 0x7fNN.
    record_header(bytes).is_some() && (major == 0x7f || (major == 3 && minor <= 4))
}

pub const CLIENT_HELLO: u8 = 1;
pub const SERVER_HELLO: u8 = 2;
pub const ENCRYPTED_EXTENSIONS: u8 = 8;
pub const CERTIFICATE: u8 = 11;
pub const CERTIFICATE_REQUEST: u8 = 13;
pub const CLIENT_KEY_EXCHANGE: u8 = 16;
pub const FINISHED: u8 = 20;
pub const KEY_UPDATE: u8 = 24;

/// The first handshake message in `bytes`: type, body, what follows. None while it is not whole.
pub fn handshake(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, a, b, c], rest) = bytes.split_first_chunk::<4>()?;
    let (body, rest) = rest.split_at_checked(u32::from_be_bytes([0, a, b, c]) as usize)?;
    Some((kind, body, rest))
}

/// Reads big-endian numbers and vectors off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn u24(&mut self) -> Option<usize> {
        let &[a, b, c] = self.take(3)?.first_chunk()?;
        Some(u32::from_be_bytes([0, a, b, c]) as usize)
    }

    fn vec8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn vec16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn vec24(&mut self) -> Option<&'a [u8]> {
        let length = self.u24()?;
        self.take(length)
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
}

/// Values that mean nothing and keep servers tolerant (RFC 8701).
pub fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// What a client offers; numbers as they stand, GREASE included.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ClientHello {
    pub version: u16,
    pub has_session: bool,
    pub suites: Vec<u16>,
    pub extensions: Vec<u16>,
    pub server_name: String,
    pub alpn: Vec<String>,
    /// Of `supported_versions`; empty before TLS 1.3.
    pub versions: Vec<u16>,
    pub groups: Vec<u16>,
    pub point_formats: Vec<u8>,
    pub signatures: Vec<u16>,
    pub has_ticket: bool,
    pub has_psk: bool,
    pub has_early_data: bool,
}

/// What a server chose.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ServerHello {
    pub legacy_version: u16,
    /// The version agreed on.
    pub version: u16,
    pub session: Vec<u8>,
    pub suite: u16,
    pub extensions: Vec<u16>,
    pub alpn: String,
    pub has_psk: bool,
    pub has_encrypt_then_mac: bool,
    pub has_extended_master: bool,
    /// Asks for another hello (RFC 8446 section 4.1.3).
    pub is_retry: bool,
}

/// SHA-256 of "HelloRetryRequest", in place of the server's random.
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;

/// The random of a ClientHello, and of a ServerHello: 32 bytes behind the version.
pub fn hello_random(body: &[u8]) -> Option<&[u8]> {
    body.get(2..34)
}

/// Reads a ClientHello; None when its fixed part is not there.
pub fn client_hello(body: &[u8]) -> Option<ClientHello> {
    let mut reader = Reader(body);
    let version = reader.u16()?;
    reader.take(32)?;
    let has_session = !reader.vec8()?.is_empty();
    let suites = numbers(reader.vec16()?).collect();
    reader.vec8()?; // compression methods
    let mut hello = ClientHello { version, has_session, suites, ..ClientHello::default() };
    extensions(reader.vec16().unwrap_or_default(), |kind, value| hello.extension(kind, value));
    Some(hello)
}

fn extensions(bytes: &[u8], mut each: impl FnMut(u16, &[u8])) {
    let mut reader = Reader(bytes);
    while let (Some(kind), Some(value)) = (reader.u16(), reader.vec16()) {
        each(kind, value);
    }
}

impl ClientHello {
    fn extension(&mut self, kind: u16, value: &[u8]) {
        self.extensions.push(kind);
        let mut reader = Reader(value);
        match kind {
            SERVER_NAME => {
                let mut names = Reader(reader.vec16().unwrap_or_default());
                if names.u8() == Some(0) {
                    self.server_name = printable(names.vec16().unwrap_or_default());
                }
            }
            SUPPORTED_GROUPS => {
                self.groups = numbers(reader.vec16().unwrap_or_default()).collect();
            }
            POINT_FORMATS => self.point_formats = reader.vec8().unwrap_or_default().to_vec(),
            SIGNATURE_ALGORITHMS => {
                self.signatures = numbers(reader.vec16().unwrap_or_default()).collect();
            }
            ALPN => self.alpn = protocols(value),
            SESSION_TICKET => self.has_ticket = !value.is_empty(),
            PRE_SHARED_KEY => self.has_psk = true,
            EARLY_DATA => self.has_early_data = true,
            SUPPORTED_VERSIONS => {
                self.versions = numbers(reader.vec8().unwrap_or_default()).collect();
            }
            _ => {}
        }
    }

    /// The highest version that is offered.
    pub fn highest(&self) -> u16 {
        let offered = self.versions.iter().copied().filter(|version| !is_grease(*version));
        offered.map(final_version).max().unwrap_or(self.version)
    }
}

/// A draft of TLS 1.3 counts as that.
pub fn final_version(version: u16) -> u16 {
    if version & 0xff00 == 0x7f00 { 0x0304 } else { version }
}

/// Reads a ServerHello; None when its fixed part is not there.
pub fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut reader = Reader(body);
    let legacy_version = reader.u16()?;
    let is_retry = reader.take(32)? == RETRY_RANDOM;
    // Drafts of TLS 1.3 before 22 had no session here.
    let session = match legacy_version & 0xff00 {
        0x7f00 => Vec::new(),
        _ => reader.vec8()?.to_vec(),
    };
    let suite = reader.u16()?;
    if legacy_version & 0xff00 != 0x7f00 {
        reader.u8()?; // compression method
    }
    let version = final_version(legacy_version);
    let mut hello =
        ServerHello { legacy_version, version, session, suite, is_retry, ..ServerHello::default() };
    extensions(reader.vec16().unwrap_or_default(), |kind, value| {
        hello.extensions.push(kind);
        match kind {
            ALPN => hello.alpn = protocols(value).into_iter().next().unwrap_or_default(),
            PRE_SHARED_KEY => hello.has_psk = true,
            ENCRYPT_THEN_MAC => hello.has_encrypt_then_mac = true,
            EXTENDED_MASTER_SECRET => hello.has_extended_master = true,
            SUPPORTED_VERSIONS => {
                hello.version = Reader(value).u16().map_or(hello.version, final_version);
            }
            _ => {}
        }
    });
    Some(hello)
}

/// Names of application protocols; odd bytes (GREASE) escaped.
fn protocols(value: &[u8]) -> Vec<String> {
    let mut list = Reader(Reader(value).vec16().unwrap_or_default());
    std::iter::from_fn(|| list.vec8()).map(printable).collect()
}

fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The certificates of a Certificate message of TLS 1.2 and before, the end's own first.
pub fn certificates(body: &[u8]) -> Vec<&[u8]> {
    let mut list = Reader(Reader(body).vec24().unwrap_or_default());
    std::iter::from_fn(|| list.vec24()).collect()
}

/// The certificates of a Certificate message of TLS 1.3, each with extensions behind it.
pub fn certificates_13(body: &[u8]) -> Vec<&[u8]> {
    let mut reader = Reader(body);
    reader.vec8(); // context
    let mut list = Reader(reader.vec24().unwrap_or_default());
    std::iter::from_fn(|| {
        let one = list.vec24()?;
        list.vec16();
        Some(one)
    })
    .collect()
}

/// The application protocol in the extensions that TLS 1.3 encrypts.
pub fn encrypted_alpn(body: &[u8]) -> Option<String> {
    let mut alpn = None;
    extensions(Reader(body).vec16().unwrap_or_default(), |kind, value| {
        if kind == ALPN {
            alpn = protocols(value).into_iter().next();
        }
    });
    alpn
}

/// `TLS 1.2`; the number where it has no name.
pub fn version_name(version: u16) -> String {
    match version {
        0x0002 => "SSL 2.0".into(),
        0x0300 => "SSL 3.0".into(),
        0x0301 => "TLS 1.0".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        other => format!("0x{other:04x}"),
    }
}

/// Names of alert descriptions (RFC 8446 section 6, IANA's registry).
pub fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        52 => "too_many_cids_requested",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}
