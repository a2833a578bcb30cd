//! JSON bodies of requests -> the members that the user wants calls tied together by.

use serde_json::Value;

use super::super::secret::Secrets;
use super::super::text::cut;
use crate::field::{Pairs, Text, ToCompactString};
use crate::limits::Limits;

/// Paths of members (RFC 6901), as `--correlate json:/order/id` names them.
#[derive(Debug, Clone, Default)]
pub struct JsonPaths {
    paths: Vec<String>,
    value_bytes_max: usize,
}

impl JsonPaths {
    pub fn new(limits: &Limits) -> Self {
        let paths = limits.correlate.iter().filter_map(|rule| rule.strip_prefix("json:"));
        JsonPaths {
            paths: paths.map(String::from).collect(),
            value_bytes_max: limits.field_bytes_max,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The members that are there and are no objects or lists; a body that is cut has none.
    pub fn read(&self, body: &[u8], secrets: Secrets) -> Pairs {
        let mut pairs = Pairs::new();
        if self.is_empty() {
            return pairs;
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return pairs };
        for path in &self.paths {
            let Some(value) = body.pointer(path).and_then(text) else { continue };
            let name = path.rsplit('/').next().unwrap_or_default();
            pairs.push(path, &secrets.parameter(name, cut(&value, self.value_bytes_max)));
        }
        pairs
    }
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(Text::from(text.as_str())),
        Value::Number(number) => Some(number.to_compact_string()),
        Value::Bool(flag) => Some(flag.to_compact_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_by_path() {
        let correlate =
            ["json:/order/id", "json:/items/0", "json:/token", "json:/order", "header:x"];
        let correlate = correlate.into_iter().map(String::from).collect();
        let limits = Limits { correlate, ..Limits::default() };
        let paths = JsonPaths::new(&limits);
        let read = |body: &[u8]| -> Vec<String> {
            let pairs = paths.read(body, Secrets::new(&limits));
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(
            read(br#"{"order": {"id": 17}, "items": ["a"], "token": "abc"}"#),
            ["/order/id=17", "/items/0=a", "/token=<masked 3 bytes>"]
        );
        assert!(read(br#"{"order": {"id": 17"#).is_empty() && read(b"id=17").is_empty());
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(read(&deep).is_empty());
    }
}
