//! Which values are secrets and what is stored in their place: `<masked 311 bytes>`, so that
//! presence and size still answer questions while the value cannot be guessed letter by letter.
//! Judged by names (of headers, parameters, commands), never by what a value looks like.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::text::percent_decode;
use crate::field::{Text, ToCompactString};
use crate::limits::Limits;

/// Masks secrets, or lets them through where the user asked to see them.
#[derive(Debug, Clone, Copy)]
pub struct Secrets {
    show: bool,
}

impl Secrets {
    pub fn new(limits: &Limits) -> Self {
        Secrets { show: limits.show_secrets }
    }

    /// Whether the user asked to see them.
    pub fn show(self) -> bool {
        self.show
    }

    /// What is stored of a secret of so many bytes.
    pub fn mask(bytes: usize) -> Text {
        let mut mask = Text::const_new("<masked ");
        mask.push_str(&bytes.to_compact_string()); // many times faster than formatting
        mask.push_str(" bytes>");
        mask
    }

    /// The value of a header as it is stored; `name` is lower case.
    pub fn header<'a>(self, name: &str, value: &'a str) -> Cow<'a, str> {
        match name {
            _ if self.show => Cow::Borrowed(value),
            "referer" | "location" | "content-location" => self.url(value),
            _ if is_secret_header(name) => Cow::Owned(Self::mask(value.len()).into()),
            _ => Cow::Borrowed(value),
        }
    }

    /// The value of a query or form parameter.
    pub fn parameter<'a>(self, name: &str, value: &'a str) -> Cow<'a, str> {
        match !self.show && is_secret_parameter(name) {
            true => Cow::Owned(Self::mask(value.len()).into()),
            false => Cow::Borrowed(value),
        }
    }

    /// The value of a cookie: every one may be a session.
    pub fn cookie(self, value: &str) -> Text {
        if self.show { value.to_compact_string() } else { Self::mask(value.len()) }
    }

    /// A URL, or the part of one, with the values of secret parameters masked.
    pub fn url<'a>(self, url: &'a str) -> Cow<'a, str> {
        let has_parameters = memchr2(b'?', b';', url.as_bytes()).is_some();
        let name = |pair: &'a str| pair.split_once('=').map(|(name, _)| name);
        let mut names = url.split(is_delimiter).skip(1).filter_map(name);
        if self.show || !has_parameters || !names.any(is_secret_parameter) {
            return Cow::Borrowed(url);
        }
        let mut out = String::with_capacity(url.len());
        for (position, part) in url.split_inclusive(is_delimiter).enumerate() {
            let (pair, delimiter) = part.split_at(part.trim_end_matches(is_delimiter).len());
            match pair.split_once('=') {
                Some((name, value)) if position > 0 => {
                    out.extend([name, "=", &self.parameter(name, value)]);
                }
                _ => out.push_str(pair),
            }
            out.push_str(delimiter);
        }
        Cow::Owned(out)
    }

    /// Text of a form's body: values of parameters with secret names are masked.
    pub fn form<'a>(self, form: &'a str) -> Cow<'a, str> {
        let target = format!("?{form}");
        match self.url(&target) {
            Cow::Borrowed(_) => Cow::Borrowed(form),
            Cow::Owned(masked) => Cow::Owned(masked.get(1..).unwrap_or_default().to_string()),
        }
    }

    /// Text of a body: values of JSON members with secret names are masked.
    pub fn body(self, body: &str) -> Cow<'_, str> {
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while let Some(member) = next_member(body, at).filter(|_| !self.show) {
            at = member.value_start;
            if is_secret_parameter(member.name) {
                let end = closing_quote(body, at).unwrap_or(body.len());
                out.push_str(body.get(copied..at).unwrap_or_default());
                out.push_str(&Self::mask(end - at));
                (copied, at) = (end, end);
            }
            at = closing_quote(body, at).map_or(body.len(), |quote| quote + 1);
        }
        match copied {
            0 => Cow::Borrowed(body),
            _ => Cow::Owned(out + body.get(copied..).unwrap_or_default()),
        }
    }

    /// Whether argument `index` of a Redis command is a secret; the verb is argument 0.
    pub fn redis_argument(self, arguments: &[&[u8]], index: usize) -> bool {
        let Some((verb, rest)) = arguments.split_first() else { return false };
        let Some(at) = index.checked_sub(1).filter(|_| !self.show) else { return false };
        let word = |at: usize| rest.get(at).copied().unwrap_or_default();
        let follows = |word: &[u8], distance: usize| {
            at.checked_sub(distance).and_then(|at| rest.get(at)).is_some_and(|w| is(w, word))
        };
        match () {
            _ if is(verb, b"AUTH") => at > 0 || rest.len() == 1,
            _ if is(verb, b"HELLO") => follows(b"AUTH", 2),
            _ if is(verb, b"MIGRATE") => follows(b"AUTH", 1) || follows(b"AUTH2", 2),
            _ if is(verb, b"CONFIG") => {
                is(word(0), b"SET") && at > 1 && is_secret_setting(word(at - 1))
            }
            _ if is(verb, b"SENTINEL") => at > 0 && is(word(at - 1), b"auth-pass"),
            _ if is(verb, b"ACL") => {
                is(word(0), b"SETUSER") && matches!(word(at), [b'>' | b'<' | b'#' | b'!', ..])
            }
            _ => false,
        }
    }
}

fn is(word: &[u8], name: &[u8]) -> bool {
    word.eq_ignore_ascii_case(name)
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '?' | '&' | ';' | '#')
}

/// Settings of `CONFIG SET` that hold passwords.
fn is_secret_setting(name: &[u8]) -> bool {
    is(name, b"requirepass")
        || is(name, b"masterauth")
        || is(name, b"tls-key-file-pass")
        || is(name, b"tls-client-key-file-pass")
}

/// Header names (lower case) whose values are credentials. Told by the ends of names, since
/// vendors prefix them: `x-vault-token`, `x-goog-api-key`.
fn is_secret_header(name: &str) -> bool {
    let ends = |end: &str| name.ends_with(end);
    match name.as_bytes() {
        [.., b'o', b'n'] => ends("authorization"),
        [.., b'e', b'n'] => ends("token"),
        [.., b'i', b'e'] => ends("cookie"),
        [.., b'e', b'2'] => ends("cookie2"),
        [.., b'e', b't'] => ends("secret"),
        [.., b'r', b'd'] => ends("password"),
        [.., b'r', b'e'] => ends("signature"),
        [.., b'i', b'd'] => ends("session-id"),
        [.., b'e', b'y'] => ends("api-key") || ends("apikey") || ends("api_key") || is_key(name),
        _ => false,
    }
}

fn is_key(name: &str) -> bool {
    ["access-key", "subscription-key", "functions-key", "auth-key"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// Parameter names whose values are credentials, in any case, encoded or not.
fn is_secret_parameter(name: &str) -> bool {
    match name.contains('%') {
        true => is_secret_name(percent_decode(name).as_bytes()),
        false => is_secret_name(name.as_bytes()),
    }
}

fn is_secret_name(name: &[u8]) -> bool {
    let [.., before, last] = name else { return false };
    let ends = |end: &[u8]| {
        name.len().checked_sub(end.len()).and_then(|at| name.get(at..)).is_some_and(|n| is(n, end))
    };
    let any = |ended: &[&[u8]]| ended.iter().any(|end| ends(end));
    match (before.to_ascii_lowercase(), last.to_ascii_lowercase()) {
        (b'e', b'n') => ends(b"token"),
        (b'o', b'n') => ends(b"authorization"),
        (b'e', b't') => ends(b"secret"),
        (b'r', b'd') => ends(b"password"),
        (b'w', b'd') => ends(b"passwd") || is(name, b"pwd"),
        (b'r', b'e') => ends(b"signature"),
        (b'i', b'd') => any(&[b"sessionid", b"session_id", b"session-id", b"sessid"]),
        (b'e', b'y') => any(&[b"apikey", b"api_key", b"api-key", b"access_key", b"private_key"]),
        _ => [&b"sig"[..], b"pass", b"jwt", b"auth"].iter().any(|secret| is(name, secret)),
    }
}

/// A JSON member whose value is a string.
struct Member<'a> {
    name: &'a str,
    value_start: usize,
}

/// The next member with a text value at or after `from`, which is outside of any string.
fn next_member(text: &str, mut from: usize) -> Option<Member<'_>> {
    loop {
        let open = from + memchr(b'"', text.as_bytes().get(from..)?)? + 1;
        let close = closing_quote(text, open)?;
        let after = text.get(close + 1..)?.trim_start();
        if let Some(value) = after.strip_prefix(':').and_then(|v| v.trim_start().strip_prefix('"'))
        {
            let value_start = text.len() - value.len();
            return Some(Member { name: text.get(open..close)?, value_start });
        }
        from = close + 1;
    }
}

/// Where the string that goes on at `from` ends.
fn closing_quote(text: &str, mut from: usize) -> Option<usize> {
    loop {
        let found = from + memchr2(b'"', b'\\', text.as_bytes().get(from..)?)?;
        match text.as_bytes().get(found) {
            Some(b'"') => return Some(found),
            _ => from = found + 2, // a backslash, and what it escapes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDE: Secrets = Secrets { show: false };
    const SHOW: Secrets = Secrets { show: true };

    #[test]
    fn headers() {
        for name in [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "x-auth-token",
            "x-amz-security-token",
            "api-key",
            "x-goog-api-key",
        ] {
            assert_eq!(HIDE.header(name, "abcde"), "<masked 5 bytes>", "{name}");
            assert_eq!(SHOW.header(name, "abcde"), "abcde");
        }
        for name in ["content-type", "idempotency-key", "sec-websocket-key", "x-request-id"] {
            assert_eq!(HIDE.header(name, "abcde"), "abcde", "{name}");
        }
        assert_eq!(
            HIDE.header("location", "https://a/cb?state=1&access_token=xyz#top"),
            "https://a/cb?state=1&access_token=<masked 3 bytes>#top"
        );
    }

    #[test]
    fn urls() {
        assert_eq!(HIDE.url("/a?b=1&c=token"), "/a?b=1&c=token");
        assert_eq!(HIDE.url("/a?X-Amz-Signature=00ff"), "/a?X-Amz-Signature=<masked 4 bytes>");
        assert_eq!(HIDE.url("/a;jsessionid=00ff?b"), "/a;jsessionid=<masked 4 bytes>?b");
        assert_eq!(
            HIDE.url("/a?api_key=k&x&sig=s"),
            "/a?api_key=<masked 1 bytes>&x&sig=<masked 1 bytes>"
        );
        assert_eq!(HIDE.url("/a?%74oken=1"), "/a?%74oken=<masked 1 bytes>");
        assert_eq!(HIDE.url("/token=5/x"), "/token=5/x");
        assert_eq!(SHOW.url("/a?token=1"), "/a?token=1");
    }

    #[test]
    fn bodies() {
        assert_eq!(
            HIDE.body(r#"{"error":"no","token": "t0p","n":{"password":"x"}}"#),
            r#"{"error":"no","token": "<masked 3 bytes>","n":{"password":"<masked 1 bytes>"}}"#
        );
        let plain = r#"{"error":"token expired","code":7}"#;
        assert_eq!(HIDE.body(plain), plain);
        assert_eq!(
            HIDE.body(r#"{"client_secret":"cut off her"#),
            r#"{"client_secret":"<masked 11 bytes>"#
        );
    }

    #[test]
    fn redis_commands() {
        let secret = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            (0..words.len()).filter(|&i| HIDE.redis_argument(&words, i)).collect::<Vec<_>>()
        };
        assert_eq!(secret("auth hunter2"), [1]);
        assert_eq!(secret("AUTH bob hunter2"), [2]);
        assert_eq!(secret("HELLO 3 AUTH bob hunter2 SETNAME x"), [4]);
        assert_eq!(secret("CONFIG SET requirepass x maxmemory 1 masterauth y"), [3, 7]);
        assert_eq!(secret("CONFIG GET requirepass"), [0usize; 0]);
        assert_eq!(secret("ACL SETUSER bob on >x ~* +@all"), [4]);
        assert_eq!(secret("MIGRATE h 6379 k 0 50 AUTH2 u p KEYS a"), [8]);
        assert_eq!(secret("SET auth value"), [0usize; 0]);
    }
}
