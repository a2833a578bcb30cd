//! Certificates (X.509, RFC 5280) -> subject, issuer, names and validity. Walks the DER as far as
//! it has to; what is not there is empty. Signatures are not checked.

/// What a certificate says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `CN=shop.example, O=Example`, in the order in which the parts stand.
    pub subject: String,
    pub issuer: String,
    /// Seconds since 1970 UTC.
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    /// DNS names of the subject.
    pub names: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version.
const VERSION: u8 = 0xa0;
/// `[3] EXPLICIT`: the extensions.
const EXTENSIONS: u8 = 0xa3;
/// `[2] IMPLICIT` in GeneralName: a DNS name.
const DNS_NAME: u8 = 0x82;
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Parts of names and names of a certificate read at most.
const PARTS_MAX: usize = 32;

/// One DER value: tag, content, what follows.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of a value of this tag, and what follows.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    der(bytes).filter(|value| value.0 == tag).map(|(_, content, rest)| (content, rest))
}

/// The values inside `content`.
fn values(mut content: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, value, rest) = der(content)?;
        content = rest;
        Some((tag, value))
    })
}

/// Reads a certificate; None when it is none.
pub fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let (certificate, _) = expect(bytes, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if let Some((VERSION, _, after)) = der(rest) {
        rest = after;
    }
    let (_, _, rest) = der(rest)?; // serial number
    let (_, _, rest) = der(rest)?; // signature algorithm
    let (issuer, rest) = expect(rest, SEQUENCE)?;
    let (validity, rest) = expect(rest, SEQUENCE)?;
    let (subject, rest) = expect(rest, SEQUENCE)?;
    let mut times = values(validity).map(|(tag, text)| time(tag, text));
    let extensions = values(rest).find(|(tag, _)| *tag == EXTENSIONS).map(|(_, value)| value);
    Some(Certificate {
        subject: name(subject),
        issuer: name(issuer),
        not_before: times.next().flatten(),
        not_after: times.next().flatten(),
        names: extensions.and_then(|value| expect(value, SEQUENCE)).map_or(vec![], |e| names(e.0)),
    })
}

/// A distinguished name.
fn name(content: &[u8]) -> String {
    let sets = values(content).filter(|(tag, _)| *tag == SET);
    let parts = sets.flat_map(|(_, set)| values(set)).filter_map(|(_, part)| attribute(part));
    parts.take(PARTS_MAX).collect::<Vec<_>>().join(", ")
}

/// `CN=shop.example`.
fn attribute(content: &[u8]) -> Option<String> {
    let (oid, rest) = expect(content, OID)?;
    let (tag, value, _) = der(rest)?;
    let key = match oid {
        [0x55, 0x04, 0x03] => "CN",
        [0x55, 0x04, 0x05] => "serialNumber",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        _ => "OID",
    };
    const BMP_STRING: u8 = 0x1e;
    let value = match tag {
        BMP_STRING => {
            let units = value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
        _ => String::from_utf8_lossy(value).into_owned(),
    };
    Some(format!("{key}={value}"))
}

/// DNS names of the subject, from the list of extensions.
fn names(extensions: &[u8]) -> Vec<String> {
    let value = values(extensions).find_map(|(_, extension)| {
        let (oid, rest) = expect(extension, OID)?;
        let octets = values(rest).find(|(tag, _)| *tag == OCTETS).map(|(_, value)| value);
        octets.filter(|_| oid == SUBJECT_ALT_NAME)
    });
    let list = value.and_then(|value| expect(value, SEQUENCE)).map_or(&[][..], |list| list.0);
    let dns = values(list).filter(|(tag, _)| *tag == DNS_NAME);
    dns.take(PARTS_MAX).map(|(_, name)| name.escape_ascii().to_string()).collect()
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` -> seconds since 1970.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        Some(digits.get(range)?.iter().fold(0, |number, d| number * 10 + i64::from(d - b'0')))
    };
    let (year, at) = match tag {
        UTC_TIME => {
            (number(0..2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2)
        }
        GENERALIZED_TIME => (number(0..4)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at..at + 2)?, number(at + 2..at + 4)?);
    let (hour, minute) = (number(at + 4..at + 6)?, number(at + 6..at + 8)?);
    let second = number(at + 8..at + 10)?;
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"261120141500Z"), Some(1_795_184_100));
        assert_eq!(time(GENERALIZED_TIME, b"20500228235959Z"), Some(2_529_705_599));
        assert_eq!(time(GENERALIZED_TIME, b"20000229000000Z"), Some(951_782_400));
        for text in [&b"7001010000Z"[..], b"701301000000Z", b"70010100000000", b"Z", b""] {
            assert_eq!(time(UTC_TIME, text), None, "{text:?}");
        }
    }

    #[test]
    fn names_of_all_kinds() {
        // SET { SEQUENCE { OID 2.5.4.3, UTF8String "a" } }, SET { SEQUENCE { OID 2.5.4.10, BMP "Ö" } }
        let bytes = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01a\
                      \x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x1e\x02\x00\xd6";
        assert_eq!(name(bytes), "CN=a, O=\u{d6}");
        assert_eq!(name(&bytes[..15]), "CN=a");
        assert_eq!(certificate(b""), None);
        assert_eq!(certificate(b"\x30\x84\xff\xff\xff\xff"), None);
    }
}
