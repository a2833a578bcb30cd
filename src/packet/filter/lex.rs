//! Text of a capture filter -> words, numbers, addresses and signs. The longest match wins, as
//! in libpcap's scanner: `5-3` is a name, `5 - 3` a difference.

use std::net::Ipv6Addr;

use super::error::{Fault, FilterError, Span};
use super::names;

/// Longest filter, bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word or sign of the language in its one spelling: `&&` is `and`.
    Key(&'static str),
    /// Any other word.
    Name(String),
    Number(u32),
    /// Two to four numbers with dots.
    Dotted(String),
    Ipv6(Ipv6Addr),
    Mac([u8; 6]),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// Signs and what they are called; longer ones first.
const SIGNS: &[(&str, &str)] = &[
    ("&&", "and"),
    ("||", "or"),
    (">=", ">="),
    ("<=", "<="),
    ("!=", "!="),
    ("==", "="),
    ("<<", "<<"),
    (">>", ">>"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    (":", ":"),
    ("[", "["),
    ("]", "]"),
    ("!", "not"),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    ("&", "&"),
    ("|", "|"),
    ("^", "^"),
    ("=", "="),
];

/// Splits a filter.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, FilterError> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the capture filter is longer than {TEXT_BYTES_MAX} bytes");
        return Err(Fault::new(message).at(0..0));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let len = if rest.starts_with([' ', '\n', '\r', '\t']) {
            1
        } else {
            let (kind, len) = token(rest).map_err(|(fault, len)| fault.at(at..at + len))?;
            tokens.push(Token { kind, span: at..at + len });
            len
        };
        at += len;
    }
    Ok(tokens)
}

type Scanned = Result<(Kind, usize), (Fault, usize)>;

/// The token that `rest` begins with, and its length.
fn token(rest: &str) -> Scanned {
    if let Some(name) = rest.strip_prefix('\\') {
        return escaped(name);
    }
    let word = word_len(rest);
    if let Some(found) = colons(rest, word) {
        return found;
    }
    if word > 0 {
        let text = rest.get(..word).unwrap_or("");
        return classify(text).map(|kind| (kind, word)).map_err(|fault| (fault, word));
    }
    match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        Some((sign, key)) => Ok((Kind::Key(key), sign.len())),
        None => {
            let odd = rest.chars().next().unwrap_or(' ');
            let fault = Fault::new(format!("`{odd}` has no meaning in a capture filter"));
            Err((fault, odd.len_utf8()))
        }
    }
}

/// `\tcp`: a name although it is a word of the language.
fn escaped(name: &str) -> Scanned {
    let len = name.find([' ', '!', '(', ')', '\n', '\t']).unwrap_or(name.len());
    match name.get(..len) {
        Some(name) if len > 0 => Ok((Kind::Name(name.to_string()), len + 1)),
        _ => Err((Fault::new("`\\` without a name"), 1)),
    }
}

/// Length of the word: letters, digits, dots, and dashes between them.
fn word_len(rest: &str) -> usize {
    if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return 0;
    }
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let run = rest.get(..rest.find(|c| !inside(c)).unwrap_or(rest.len())).unwrap_or("");
    run.trim_end_matches(['-', '_']).len()
}

/// An IPv6 or Ethernet address that is longer than the word at the same place.
fn colons(rest: &str, word: usize) -> Option<Scanned> {
    let inside = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let run = rest.get(..rest.find(|c| !inside(c)).unwrap_or(rest.len()))?;
    if !run.contains(':') {
        return None;
    }
    let bogus = bogus_len(run);
    // The longest address in any notation is 45 bytes long.
    for len in (word + 1..=run.len().min(45)).rev() {
        let text = run.get(..len)?;
        if let Some(mac) = mac(text, ':').filter(|_| len >= bogus) {
            return Some(Ok((Kind::Mac(mac), len)));
        }
        if let Some(ip) = text.parse().ok().filter(|_| len >= bogus) {
            return Some(Ok((Kind::Ipv6(ip), len)));
        }
    }
    (bogus > word).then(|| {
        let text = run.get(..bogus).unwrap_or(run);
        Err((Fault::new(format!("`{text}` begins no Ethernet or IPv6 address")), bogus))
    })
}

/// Length of two or more bytes in hexadecimal, each with colons behind it.
fn bogus_len(run: &str) -> usize {
    let (mut at, mut groups, mut end) = (0, 0, 0);
    while let Some(rest) = run.get(at..) {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let behind = rest.get(digits..).unwrap_or("");
        let colons = behind.len() - behind.trim_start_matches(':').len();
        if !(1..=2).contains(&digits) || colons == 0 {
            break;
        }
        at += digits + colons;
        groups += 1;
        end = if groups > 1 { at } else { 0 };
    }
    end
}

/// Six bytes in hexadecimal.
fn mac(text: &str, separator: char) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut groups = text.split(separator);
    for byte in &mut mac {
        let group = groups.next().filter(|g| (1..=2).contains(&g.len()))?;
        *byte = hex(group).and_then(|value| u8::try_from(value).ok())?;
    }
    groups.next().is_none().then_some(mac)
}

fn hex(digits: &str) -> Option<u64> {
    let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
    all.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// The other notations of an Ethernet address: `aa-bb-..`, `aa.bb. ..`, `aabb.ccdd.eeff`,
/// `aabbccddeeff`.
fn mac_word(word: &str) -> Option<[u8; 6]> {
    if let Some(mac) = mac(word, '-').or_else(|| mac(word, '.')) {
        return Some(mac);
    }
    let quads = word.split('.').all(|group| group.len() == 4) && word.len() == 14;
    let joined = if quads { word.replace('.', "") } else { word.to_string() };
    let value = Some(&joined).filter(|j| j.len() == 12).and_then(|j| hex(j))?;
    value.to_be_bytes().last_chunk::<6>().copied()
}

fn classify(word: &str) -> Result<Kind, Fault> {
    if let Some(key) = names::keyword(word) {
        return Ok(Kind::Key(key));
    }
    if let Some(mac) = mac_word(word) {
        return Ok(Kind::Mac(mac));
    }
    if is_number(word) {
        return number(word).map(Kind::Number);
    }
    let groups = word.split('.').count();
    if (2..=4).contains(&groups) && word.split('.').all(is_number) {
        return Ok(Kind::Dotted(word.to_string()));
    }
    Ok(names::constant(word).map_or_else(|| Kind::Name(word.to_string()), Kind::Number))
}

/// Whether a word looks like a number: decimal digits, or hexadecimal ones behind `0x`.
fn is_number(word: &str) -> bool {
    match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Decimal, octal behind `0` or hexadecimal behind `0x`.
fn number(word: &str) -> Result<u32, Fault> {
    let (digits, radix) = match word.strip_prefix('0') {
        None | Some("") => (word, 10),
        Some(rest) => match rest.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16),
            None => (rest, 8),
        },
    };
    u32::from_str_radix(digits, radix).map_err(|error| match error.kind() {
        std::num::IntErrorKind::InvalidDigit => {
            Fault::new(format!("{word} is octal because of its 0, but has other digits"))
                .help("leave the 0 at its front out")
        }
        _ => Fault::new(format!("{word} does not fit 32 bits")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        lex(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn the_longest_match_wins() {
        assert_eq!(kinds("5-3"), [Kind::Name("5-3".into())]);
        assert_eq!(kinds("5 -3"), [Kind::Number(5), Kind::Key("-"), Kind::Number(3)]);
        assert_eq!(kinds("80-"), [Kind::Number(80), Kind::Key("-")]);
        assert_eq!(kinds("0:2"), [Kind::Number(0), Kind::Key(":"), Kind::Number(2)]);
        assert_eq!(
            kinds("ip6 && ip6x"),
            [Kind::Key("ip6"), Kind::Key("and"), Kind::Name("ip6x".into())]
        );
    }

    #[test]
    fn addresses_in_every_notation() {
        let mac = Kind::Mac([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x0f]);
        for text in ["aa:bb:cc:dd:ee:f", "aa-bb-cc-dd-ee-0f", "aabb.ccdd.ee0f", "AABBCCDDEE0F"] {
            assert_eq!(kinds(text), std::slice::from_ref(&mac), "{text}");
        }
        assert_eq!(kinds("::1"), [Kind::Ipv6("::1".parse().unwrap())]);
        let mapped = "::ffff:1.2.3.4";
        assert_eq!(kinds(mapped), [Kind::Ipv6(mapped.parse().unwrap())]);
        assert_eq!(kinds("10.1"), [Kind::Dotted("10.1".into())]);
    }

    #[test]
    fn numbers_have_three_bases() {
        assert_eq!(kinds("0x1F 017 15 0"), [31, 15, 15, 0].map(Kind::Number));
        assert!(lex("089").is_err());
        assert!(lex("4294967296").is_err());
        assert!(lex("aa:bb:cc").is_err());
        assert!(lex("tcp;").is_err());
    }
}
