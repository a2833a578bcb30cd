//! What ties calls of one user or one job together beyond the well-known tracing headers: a header,
//! a cookie, a query parameter or a member of a JSON body that the user names.

use crate::field::{ColumnSink, FieldDef, Pairs, Row, Text};

/// Where the value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correlation {
    /// A header's name, lower case.
    Header(String),
    Cookie(String),
    Query(String),
    /// A path (RFC 6901) into the request's body.
    Json(String),
}

impl Correlation {
    /// Reads `header:NAME`, `cookie:NAME`, `query:NAME` or `json:/PATH`. Errors: anything else, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => {
                Ok(Correlation::Header(name.to_ascii_lowercase()))
            }
            Some(("cookie", name)) if !name.is_empty() => Ok(Correlation::Cookie(name.into())),
            Some(("query", name)) if !name.is_empty() => Ok(Correlation::Query(name.into())),
            Some(("json", path)) if path.starts_with('/') => Ok(Correlation::Json(path.into())),
            _ => Err("give header:NAME, cookie:NAME, query:NAME or json:/PATH".into()),
        }
    }

    /// The value in one half of a call; `None` where there is none, or it is masked.
    pub fn value(&self, half: &dyn Row) -> Option<Text> {
        let (end, key) = match self {
            Correlation::Header(name) => (".headers", name),
            Correlation::Cookie(name) => (".cookies", name),
            Correlation::Query(name) => ("query_string", name),
            Correlation::Json(path) => (".json", path),
        };
        let mut pick = Pick { fields: half.fields(), end, key, found: None };
        half.visit(&mut pick);
        pick.found.filter(|value| !value.is_empty() && !value.starts_with("<masked "))
    }
}

/// Takes one key of the maps whose names end so.
struct Pick<'a> {
    fields: &'static [FieldDef],
    end: &'static str,
    key: &'a str,
    found: Option<Text>,
}

impl ColumnSink for Pick<'_> {
    fn map(&mut self, column: usize, value: &Pairs) {
        if self.fields.get(column).is_some_and(|field| field.name.ends_with(self.end)) {
            self.found = self.found.take().or_else(|| value.get(self.key).map(Text::from));
        }
    }
    fn text(&mut self, _: usize, _: &str) {}
    fn int(&mut self, _: usize, _: i64) {}
    fn bool(&mut self, _: usize, _: bool) {}
    fn list(&mut self, _: usize, _: &[Text]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::fields! {
        /// A half with maps.
        pub struct Half {
            /// Headers.
            headers: Pairs "request.headers" = "";
            /// Cookies.
            cookies: Pairs "request.cookies" = "";
            /// Parameters.
            query: Pairs "query_string" = "";
            /// Members.
            json: Pairs "request.json" = "";
        }
    }

    #[test]
    fn values_are_found_by_name_unless_masked() {
        let half = Half {
            headers: [("x-user", "ann"), ("x-token", "<masked 9 bytes>")].into_iter().collect(),
            cookies: [("session", "s1")].into_iter().collect(),
            query: [("id", "7")].into_iter().collect(),
            json: [("/user/id", "u1")].into_iter().collect(),
        };
        let value = |rule: &str| Correlation::parse(rule).unwrap().value(&half);
        assert_eq!(value("header:X-User").as_deref(), Some("ann"));
        assert_eq!(value("cookie:session").as_deref(), Some("s1"));
        assert_eq!(value("query:id").as_deref(), Some("7"));
        assert_eq!(value("json:/user/id").as_deref(), Some("u1"));
        assert!(Correlation::parse("json:user").is_err());
        assert_eq!((value("header:x-token"), value("cookie:x-user")), (None, None));
        assert!(Correlation::parse("x-user").is_err() && Correlation::parse("header:").is_err());
    }
}
