//! Bytes of the MySQL client/server protocol -> packet heads and contents. Numbers are
//! little-endian; contents that were cut give what could be read.

use super::super::framer::Head;
use super::super::text::text;
use crate::field::Text;

/// A packet of this length goes on in the next.
pub const PACKET_BYTES_MAX: usize = 0xff_ffff;
/// Length and sequence number.
pub const HEADER_BYTES: usize = 4;
/// Text kept of an error.
const ERROR_BYTES_MAX: usize = 256;
/// Text kept of names.
const NAME_BYTES_MAX: usize = 128;

/// Capability flags that change what follows.
pub mod capability {
    pub const CONNECT_WITH_DB: u32 = 0x8;
    pub const COMPRESS: u32 = 0x20;
    pub const PROTOCOL_41: u32 = 0x200;
    pub const TLS: u32 = 0x800;
    pub const SECURE_CONNECTION: u32 = 0x8000;
    pub const PLUGIN_AUTH_LENENC: u32 = 0x20_0000;
    pub const ZSTD: u32 = 0x400_0000;
}

/// More results follow this one.
pub const STATUS_MORE_RESULTS: u16 = 0x8;

/// Commands by number, as the server names them.
const COMMANDS: &[&str] = &[
    "COM_SLEEP",
    "COM_QUIT",
    "COM_INIT_DB",
    "COM_QUERY",
    "COM_FIELD_LIST",
    "COM_CREATE_DB",
    "COM_DROP_DB",
    "COM_REFRESH",
    "COM_SHUTDOWN",
    "COM_STATISTICS",
    "COM_PROCESS_INFO",
    "COM_CONNECT",
    "COM_PROCESS_KILL",
    "COM_DEBUG",
    "COM_PING",
    "COM_TIME",
    "COM_DELAYED_INSERT",
    "COM_CHANGE_USER",
    "COM_BINLOG_DUMP",
    "COM_TABLE_DUMP",
    "COM_CONNECT_OUT",
    "COM_REGISTER_SLAVE",
    "COM_STMT_PREPARE",
    "COM_STMT_EXECUTE",
    "COM_STMT_SEND_LONG_DATA",
    "COM_STMT_CLOSE",
    "COM_STMT_RESET",
    "COM_SET_OPTION",
    "COM_STMT_FETCH",
    "COM_DAEMON",
    "COM_BINLOG_DUMP_GTID",
    "COM_RESET_CONNECTION",
    "COM_CLONE",
    "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
];

/// MariaDB's own.
const STMT_BULK_EXECUTE: u8 = 0xfa;

/// Name of a command; None when there is no such.
pub fn command_name(command: u8) -> Option<&'static str> {
    match command {
        STMT_BULK_EXECUTE => Some("COM_STMT_BULK_EXECUTE"),
        _ => COMMANDS.get(usize::from(command)).copied(),
    }
}

/// Length of the packet that begins here.
pub fn head(bytes: &[u8]) -> Head {
    match bytes {
        [a, b, c, _, ..] => Head::Frame(u64::from(u32::from_le_bytes([*a, *b, *c, 0])) + 4),
        _ => Head::More,
    }
}

/// Length of the compressed packet that begins here.
pub fn compressed_head(bytes: &[u8]) -> Head {
    match bytes {
        [a, b, c, _, _, _, _, ..] => {
            Head::Frame(u64::from(u32::from_le_bytes([*a, *b, *c, 0])) + 7)
        }
        _ => Head::More,
    }
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_le_bytes(*b))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|b| u32::from_le_bytes(*b))
}

/// A length-encoded number and what follows it; None for null, the end or a wrong first byte.
pub fn lenenc(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let width = match first {
        0..=0xfa => return Some((u64::from(first), rest)),
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(width)?;
    let number = number.iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    Some((number, rest))
}

/// Text up to the next NUL, or all; and what follows.
fn cstring(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(0, bytes) {
        Some(end) => {
            (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default())
        }
        None => (bytes, &[]),
    }
}

/// Version that a greeting tells, protocol 10; None when it is no greeting.
pub fn greeting(content: &[u8]) -> Option<Text> {
    let rest = content.strip_prefix(b"\x0a")?;
    let (version, rest) = cstring(rest);
    let is_version = version.first().is_some_and(u8::is_ascii_digit)
        && version.len() < 100
        && version.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    (is_version && rest.len() >= 13).then(|| text(version, NAME_BYTES_MAX))
}

/// What a client's login tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub capabilities: u32,
    pub user: Text,
    pub database: Text,
    /// The request for TLS that stands in its place.
    pub is_tls: bool,
}

/// Reads a HandshakeResponse41 or the older form.
pub fn login(content: &[u8]) -> Option<Login> {
    let low = u32::from(u16_at(content, 0)?);
    if low & capability::PROTOCOL_41 == 0 {
        let (user, _) = cstring(content.get(5..)?);
        return Some(Login {
            capabilities: low,
            user: text(user, NAME_BYTES_MAX),
            ..Login::default()
        });
    }
    let capabilities = u32_at(content, 0)?;
    let rest = content.get(32..)?;
    if rest.is_empty() && capabilities & capability::TLS != 0 {
        return Some(Login { capabilities, is_tls: true, ..Login::default() });
    }
    let (user, rest) = cstring(rest);
    let has = |flag| capabilities & flag != 0;
    let database =
        after_secret(rest, has(capability::PLUGIN_AUTH_LENENC), has(capability::SECURE_CONNECTION))
            .filter(|_| has(capability::CONNECT_WITH_DB))
            .map(|rest| text(cstring(rest).0, NAME_BYTES_MAX));
    Some(Login {
        capabilities,
        user: text(user, NAME_BYTES_MAX),
        database: database.unwrap_or_default(),
        is_tls: false,
    })
}

/// What follows the proof of the password.
fn after_secret(bytes: &[u8], is_lenenc: bool, is_counted: bool) -> Option<&[u8]> {
    match (is_lenenc, is_counted) {
        (true, _) => {
            lenenc(bytes).and_then(|(length, rest)| rest.get(usize::try_from(length).ok()?..))
        }
        (false, true) => {
            let (&length, rest) = bytes.split_first()?;
            rest.get(usize::from(length)..)
        }
        (false, false) => Some(cstring(bytes).1),
    }
}

/// User and database of a COM_CHANGE_USER's content.
pub fn change_user(content: &[u8]) -> (Text, Text) {
    let (user, rest) = cstring(content);
    let database = after_secret(rest, false, true).map(|rest| cstring(rest).0);
    (text(user, NAME_BYTES_MAX), text(database.unwrap_or_default(), NAME_BYTES_MAX))
}

/// An error packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    pub code: u16,
    pub sqlstate: Text,
    pub message: Text,
}

pub fn failure(content: &[u8]) -> Failure {
    let rest = content.get(3..).unwrap_or_default();
    let (sqlstate, message) = match rest {
        [b'#', rest @ ..] => rest.split_at_checked(5).unwrap_or((rest, &[])),
        _ => (&[][..], rest),
    };
    Failure {
        code: u16_at(content, 1).unwrap_or(0),
        sqlstate: text(sqlstate, 5),
        message: text(message, ERROR_BYTES_MAX),
    }
}

/// What a packet says that ends a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    pub affected: u64,
    pub status: u16,
    pub warnings: u16,
}

/// An OK packet (0x00, or 0xfe in place of an EOF).
pub fn ok(content: &[u8]) -> Option<Done> {
    let (affected, rest) = lenenc(content.get(1..)?)?;
    let (_, rest) = lenenc(rest)?;
    let status = u16_at(rest, 0)?;
    Some(Done { affected, status, warnings: u16_at(rest, 2).unwrap_or(0) })
}

/// An EOF packet, or the OK that newer servers send in its place.
pub fn eof(content: &[u8]) -> Option<Done> {
    match content {
        [0xfe] => Some(Done::default()),
        [0xfe, w0, w1, s0, s1] => Some(Done {
            affected: 0,
            status: u16::from_le_bytes([*s0, *s1]),
            warnings: u16::from_le_bytes([*w0, *w1]),
        }),
        [0xfe, ..] => ok(content),
        _ => None,
    }
}

/// Statement, columns and parameters of an answer to a preparation.
pub fn prepared(content: &[u8]) -> Option<(u32, u16, u16)> {
    content.strip_prefix(b"\0")?;
    Some((u32_at(content, 1)?, u16_at(content, 5)?, u16_at(content, 7)?))
}

/// Whether a packet begins as a column's definition does: catalog `def`.
pub fn is_column(content: &[u8]) -> bool {
    content.starts_with(b"\x03def")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (bytes, expected) in [
            (&b"\xfa"[..], Some(250)),
            (b"\xfc\x01\x02", Some(0x201)),
            (b"\xfd\x01\x02\x03", Some(0x30201)),
            (b"\xfe\x01\0\0\0\0\0\0\x01", Some(0x0100_0000_0000_0001)),
            (b"\xfb", None),
            (b"\xff", None),
            (b"", None),
        ] {
            assert_eq!(lenenc(bytes).map(|(number, _)| number), expected);
            for cut in 0..bytes.len() {
                assert_eq!(lenenc(&bytes[..cut]), None);
            }
        }
    }

    #[test]
    fn endings() {
        let done = Done { affected: 3, status: 2, warnings: 1 };
        assert_eq!(ok(b"\0\x03\0\x02\0\x01\0info"), Some(done));
        assert_eq!(eof(b"\xfe\x03\0\x02\0\x01\0"), Some(done));
        assert_eq!(eof(b"\xfe\x01\0\x08\0"), Some(Done { affected: 0, status: 8, warnings: 1 }));
        for cut in 0..7 {
            assert!(ok(&b"\0\x03\0\x02\0\x01\0"[..cut]).is_none_or(|d| d.warnings == 0));
        }
    }

    #[test]
    fn failures() {
        let content = b"\xff\x15\x04#28000Access denied";
        let whole = failure(content);
        assert_eq!((whole.code, whole.sqlstate.as_str()), (1045, "28000"));
        assert_eq!(failure(b"\xff\x10\x04Too many").message, "Too many");
        for cut in 0..content.len() {
            assert!(whole.message.starts_with(failure(&content[..cut]).message.as_str()));
        }
    }

    const LOGIN: &[u8] =
        b"\x0d\xa2\x3a\0\0\0\0\x40\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        bob\0\x02xyshop\0mysql_native_password\0";

    #[test]
    fn logins() {
        let login = super::login(LOGIN).unwrap();
        assert_eq!((login.user.as_str(), login.database.as_str()), ("bob", "shop"));
        for cut in 0..LOGIN.len() {
            assert!(super::login(&LOGIN[..cut]).is_none_or(|login| !login.is_tls));
        }
        let tls = b"\x85\xae\xff\x01\0\0\0\x01\x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert!(super::login(tls).unwrap().is_tls);
        assert_eq!(change_user(b"bob\0\x02xyshop\0"), ("bob".into(), "shop".into()));
    }

    #[test]
    fn greetings() {
        let content = b"\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff";
        assert_eq!(greeting(content).unwrap(), "8.0.36");
        for cut in 0..20 {
            assert_eq!(greeting(&content[..cut]), None);
        }
    }

    #[test]
    fn preparations() {
        assert_eq!(prepared(b"\0\x07\0\0\0\x02\0\x01\0\0\0\0"), Some((7, 2, 1)));
        assert_eq!(prepared(b"\0\x07\0\0\0\x02\0\x01"), None);
    }
}
