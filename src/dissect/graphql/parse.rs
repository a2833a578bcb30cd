//! Bodies of GraphQL over HTTP and WebSocket -> what was asked, and which errors came back. Pure
//! functions.

use serde_json::Value;

use super::document::operation;
use crate::dissect::text::cut;
use crate::field::Text;

/// What a client asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// query, mutation, subscription; empty where only a hash was sent.
    pub kind: Text,
    pub name: Text,
    pub fields: Vec<Text>,
    /// Operations in a batch.
    pub operations: i64,
    /// Hash of a persisted query.
    pub hash: Text,
}

/// Whether the beginning of a JSON body may be GraphQL's.
pub fn may_be(beginning: &[u8]) -> bool {
    [&b"\"query\""[..], b"\"operationName\"", b"\"extensions\""]
        .iter()
        .any(|name| memchr::memmem::find(beginning, name).is_some())
}

/// Reads a JSON body: an object, or a list of them (a batch), of which the first is told.
pub fn request(body: &[u8], max: usize) -> Option<Asked> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match &body {
        Value::Array(batch) => {
            let first = asked(batch.first()?, max)?;
            Some(Asked { operations: batch.len() as i64, ..first })
        }
        one => asked(one, max),
    }
}

/// Reads one request: `query`, `operationName`, `extensions.persistedQuery`.
pub fn asked(request: &Value, max: usize) -> Option<Asked> {
    let name = request.get("operationName").and_then(Value::as_str).unwrap_or_default();
    let hash = request.pointer("/extensions/persistedQuery/sha256Hash").and_then(Value::as_str);
    match (request.get("query").and_then(Value::as_str), hash) {
        (Some(document), hash) => {
            let asked = document_of(document, name, max)?;
            Some(Asked { hash: Text::from(cut(hash.unwrap_or_default(), max)), ..asked })
        }
        (None, Some(hash)) => Some(Asked {
            name: Text::from(cut(name, max)),
            operations: 1,
            hash: Text::from(cut(hash, max)),
            ..Asked::default()
        }),
        (None, None) => None,
    }
}

/// Reads a document by itself.
pub fn document_of(document: &str, name: &str, max: usize) -> Option<Asked> {
    // A word that is searched for may be a keyword of GraphQL.
    let found = operation(document, name).filter(|found| !found.fields.is_empty())?;
    Some(Asked {
        kind: Text::from(found.kind),
        name: Text::from(cut(if found.name.is_empty() { name } else { found.name }, max)),
        fields: found.fields.iter().map(|field| Text::from(cut(field, max))).collect(),
        operations: 1,
        hash: Text::default(),
    })
}

/// Errors of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors {
    pub count: i64,
    pub message: Text,
    /// `extensions.code` of the first.
    pub code: Text,
    /// There are data besides.
    pub is_partial: bool,
}

/// Reads an answer, or a batch of them.
pub fn response(body: &[u8], max: usize) -> Errors {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Errors::default() };
    let answers = match &body {
        Value::Array(batch) => batch.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut all = Errors::default();
    for found in answers.iter().map(|answer| of_answer(answer, max)) {
        if all.count == 0 {
            (all.message, all.code) = (found.message, found.code);
        }
        all.count += found.count;
        all.is_partial |= found.is_partial;
    }
    all
}

/// Reads one answer: `data`, `errors`.
pub fn of_answer(answer: &Value, max: usize) -> Errors {
    let errors = answer.get("errors").and_then(Value::as_array);
    let found = errors.map(|errors| of_list(errors, max)).unwrap_or_default();
    let has_data = answer.get("data").is_some_and(|data| !data.is_null());
    Errors { is_partial: has_data && found.count > 0, ..found }
}

/// A list of errors.
pub fn of_list(errors: &[Value], max: usize) -> Errors {
    let first = errors.first();
    let text = |path: &str| {
        let value = first.and_then(|first| first.pointer(path)).and_then(Value::as_str);
        Text::from(cut(value.unwrap_or_default(), max))
    };
    Errors {
        count: errors.len() as i64,
        message: text("/message"),
        code: text("/extensions/code"),
        is_partial: false,
    }
}
