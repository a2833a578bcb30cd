//! Hellos -> fingerprints: JA3 and JA3S (MD5 of numbers as they stand) and JA4 (sorted, SHA-256).

use md5::{Digest, Md5};
use sha2::Sha256;

use super::parse::{ClientHello, ServerHello, is_grease};

fn joined<T: ToString>(numbers: impl Iterator<Item = T>, separator: &str) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(separator)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain(numbers: &[u16]) -> impl Iterator<Item = u16> + '_ {
    numbers.iter().copied().filter(|number| !is_grease(*number))
}

/// JA3: version, suites, extensions, groups and point formats, GREASE left out.
pub fn ja3(hello: &ClientHello) -> String {
    let text = format!(
        "{},{},{},{},{}",
        hello.version,
        joined(plain(&hello.suites), "-"),
        joined(plain(&hello.extensions), "-"),
        joined(plain(&hello.groups), "-"),
        joined(hello.point_formats.iter(), "-"),
    );
    hex(&Md5::digest(text))
}

/// JA3S: version, suite and extensions.
pub fn ja3s(hello: &ServerHello) -> String {
    let extensions = joined(hello.extensions.iter(), "-");
    hex(&Md5::digest(format!("{},{},{extensions}", hello.legacy_version, hello.suite)))
}

/// How a hello travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Quic,
}

/// JA4 of FoxIO's description: what is offered, then hashes of suites and of extensions.
pub fn ja4(hello: &ClientHello, transport: Transport) -> String {
    let carrier = match transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
    };
    let version = match hello.highest() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let suites: Vec<u16> = plain(&hello.suites).collect();
    let extensions: Vec<u16> = plain(&hello.extensions).collect();
    let name = if extensions.contains(&0) { 'd' } else { 'i' };
    let (s, e) = (suites.len().min(99), extensions.len().min(99));
    let alpn = first_and_last(hello.alpn.first().map_or("", String::as_str));
    let offered = sorted(&suites);
    // Server name and ALPN are told above; whether they are there differs per connection.
    let others: Vec<u16> = extensions.into_iter().filter(|kind| !matches!(kind, 0 | 16)).collect();
    let mut others = sorted(&others);
    if !hello.signatures.is_empty() && !others.is_empty() {
        others.push('_');
        others.push_str(&fours(plain(&hello.signatures)));
    }
    format!("{carrier}{version}{name}{s:02}{e:02}{alpn}_{}_{}", short(&offered), short(&others))
}

fn fours(numbers: impl Iterator<Item = u16>) -> String {
    joined(numbers.map(|number| format!("{number:04x}")), ",")
}

fn sorted(numbers: &[u16]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    fours(numbers.into_iter())
}

/// Twelve digits of a hash; zeros of nothing.
fn short(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    hex(&Sha256::digest(text)).chars().take(12).collect()
}

/// `h2` -> `h2`, `http/1.1` -> `h1`, none -> `00`; of the hexadecimal digits where either is no
/// letter or digit.
fn first_and_last(alpn: &str) -> String {
    let bytes = alpn.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return "00".into() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    let (first, last) = (format!("{first:02x}"), format!("{last:02x}"));
    first.chars().take(1).chain(last.chars().skip(1)).collect()
}
