//! Request targets (RFC 9112 section 3.2) -> host, path and query parameters.

use super::super::secret::Secrets;
use super::super::text::percent_decode;
use crate::field::Pairs;

/// The parts of a request target, whatever its form.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// Host and port of the absolute and authority forms, without user information.
    pub host: &'a str,
    /// Path and query.
    pub url: &'a str,
    pub path: &'a str,
    pub query: &'a str,
}

impl<'a> Target<'a> {
    /// `is_authority`: the method is CONNECT.
    pub fn parse(target: &'a str, is_authority: bool) -> Self {
        if is_authority {
            return Target { host: target, url: target, ..Target::default() };
        }
        let (host, url) = match after_scheme(target) {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, url) = rest.split_at(end);
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                (host, if url.is_empty() { "/" } else { url })
            }
            None => ("", target),
        };
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Target { host, url, path, query }
    }

    /// What names the endpoint.
    pub fn operation_path(&self) -> &'a str {
        if self.path.is_empty() { self.url } else { self.path }
    }

    /// The query parameters, decoded, values of repeated names joined by `,`.
    pub fn parameters(&self, max: usize, secrets: Secrets) -> Pairs {
        let mut pairs = Pairs::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()).take(max) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (percent_decode(name), percent_decode(value));
            pairs.push(&name, &secrets.parameter(&name, &value));
        }
        if pairs.has_repeats() { pairs.joined() } else { pairs }
    }
}

/// What follows `http://` or `https://`.
fn after_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn forms() {
        let parts = |target, connect| {
            let t = Target::parse(target, connect);
            (t.host.to_string(), t.url.to_string(), t.path.to_string(), t.query.to_string())
        };
        let owned = |a: &str, b: &str, c: &str, d: &str| (a.into(), b.into(), c.into(), d.into());
        assert_eq!(parts("/a?b=c?d", false), owned("", "/a?b=c?d", "/a", "b=c?d"));
        assert_eq!(parts("HTTP://u:p@h:8/x?y", false), owned("h:8", "/x?y", "/x", "y"));
        assert_eq!(parts("http://h", false), owned("h", "/", "/", ""));
        assert_eq!(parts("h:443", true), owned("h:443", "h:443", "", ""));
        assert_eq!(parts("*", false), owned("", "*", "*", ""));
    }

    #[test]
    fn parameters() {
        let target = Target::parse("/?q=a%20b+c&q=%zz&&flag&Password=x&%74oken=%20", false);
        let pairs = target.parameters(9, Secrets::new(&Limits::default()));
        let shown: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            shown,
            ["q=a b c,%zz", "flag=", "Password=<masked 1 bytes>", "token=<masked 1 bytes>"]
        );
    }
}
