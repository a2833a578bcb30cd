//! The JSON of `kubectl get ... -A -o json` -> [`Metadata`]: a List, a typed list of the raw API,
//! a single object, an array, or several of these one after another. Items are read one by one, so
//! that memory holds trimmed objects only, however large the file.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::MetadataError;
use super::metadata::{Metadata, UNDATED};
use super::objects::Object;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file, decompressing it if it starts as a zstd frame.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, MetadataError> {
    let broken = |source| MetadataError::Unreadable { path: path.to_path_buf(), source };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(broken)?);
    if file.fill_buf().map_err(broken)?.starts_with(&ZSTD_MAGIC) {
        let plain = zstd::Decoder::with_buffer(file).map_err(broken)?;
        return Ok(Box::new(BufReader::with_capacity(1 << 16, plain)));
    }
    Ok(Box::new(file))
}

impl Metadata {
    /// Adds the objects of a `--cluster` file.
    pub fn read_cluster(&mut self, path: &Path) -> Result<ClusterCounts, MetadataError> {
        self.read_cluster_from(open(path)?, path)
    }

    /// Adds the objects of `source`; `path` is for messages.
    pub fn read_cluster_from(
        &mut self,
        source: impl Read,
        path: &Path,
    ) -> Result<ClusterCounts, MetadataError> {
        let mut reading = Reading { metadata: self, counts: ClusterCounts::default() };
        let mut json = serde_json::Deserializer::from_reader(source);
        let mut documents = 0u64;
        // `end` succeeds once nothing but white space is left.
        while json.end().is_err() {
            reading.deserialize_document(&mut json).map_err(|cause| broken_json(path, &cause))?;
            documents += 1;
        }
        let counts = reading.counts;
        if documents == 0 || counts == ClusterCounts::default() {
            return Err(MetadataError::NoObjects { path: path.to_path_buf() });
        }
        Ok(counts)
    }
}

fn broken_json(path: &Path, cause: &serde_json::Error) -> MetadataError {
    let (line, column) = (cause.line(), cause.column());
    let text = cause.to_string();
    let place = format!(" at line {line} column {column}");
    let cause = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    MetadataError::BrokenJson { path: path.to_path_buf(), line, column, cause }
}

/// What a file held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClusterCounts {
    /// Objects that names or changes are taken from.
    pub used: u64,
    /// Objects of other kinds.
    pub other: u64,
}

struct Reading<'a> {
    metadata: &'a mut Metadata,
    counts: ClusterCounts,
}

impl Reading<'_> {
    fn deserialize_document<'de, D: Deserializer<'de>>(&mut self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(Document(self))
    }

    fn add<E: Error>(&mut self, value: Value, kind: &str) -> Result<(), E> {
        match Object::read(value, kind).map_err(E::custom)? {
            Some(object) => {
                self.counts.used += 1;
                self.metadata.add(UNDATED, object, false);
            }
            None => self.counts.other += 1,
        }
        Ok(())
    }
}

/// One top-level value: an object, a list, or an array of objects.
struct Document<'a, 'b>(&'a mut Reading<'b>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object or a List of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut own = Map::new();
        let mut is_list = false;
        while let Some(key) = entries.next_key::<String>()? {
            if key == "items" {
                is_list = true;
                let kind = own.get("kind").and_then(Value::as_str).unwrap_or("");
                let kind = kind.strip_suffix("List").unwrap_or(kind).to_owned();
                entries.next_value_seed(Items { reading: &mut *self.0, kind: &kind })?;
            } else if is_used(&key) {
                own.insert(key, entries.next_value()?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        match is_list {
            true => Ok(()),
            false => self.0.add(Value::Object(own), ""),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Items { reading: self.0, kind: "" }.visit_seq(items)
    }
}

/// Nothing else of an object's top level is read.
fn is_used(key: &str) -> bool {
    !matches!(key, "apiVersion" | "data" | "stringData" | "binaryData")
}

/// The items of a list. Those of the raw API carry no kind: the list names it.
struct Items<'a, 'b> {
    reading: &'a mut Reading<'b>,
    kind: &'a str,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, items: D) -> Result<(), D::Error> {
        items.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of Kubernetes objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            self.reading.add(item, self.kind)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Metadata, ClusterCounts), String> {
        let mut metadata = Metadata::default();
        let counts = metadata
            .read_cluster_from(text.as_bytes(), Path::new("cluster.json"))
            .map_err(|error| error.to_string())?;
        Ok((metadata, counts))
    }

    #[test]
    fn takes_lists_objects_and_arrays_one_after_another() {
        let (metadata, counts) = read(
            r#"{"apiVersion":"v1","items":[{"kind":"Pod","metadata":{"name":"a"}},
                {"kind":"Secret","data":{"password":"x"}}],"kind":"List"}
               {"kind":"PodList","items":[{"metadata":{"name":"b"}}]}
               {"kind":"Service","metadata":{"name":"c"}}
               [{"kind":"Node","metadata":{"name":"d"}}]
            "#,
        )
        .expect("four documents");
        assert_eq!(counts, ClusterCounts { used: 4, other: 1 });
        let pods: Vec<_> = metadata.pods.keys().map(|key| key.name.as_str()).collect();
        assert_eq!(pods, ["a", "b"]);
    }

    #[test]
    fn errors_name_the_place_and_what_to_do() {
        let cut = read("{\"items\": [\n  {\"kind\": \"Pod\"").expect_err("cut").clone();
        assert!(cut.starts_with("cluster.json:2:"), "{cut}");
        assert!(cut.contains("kubectl get pods,services"), "{cut}");
        let wrong = read("{\"items\": [\n{\"kind\":\"Pod\",\"metadata\":{\"name\":7}}]}");
        assert!(wrong.expect_err("a number is no name").starts_with("cluster.json:2:"));
        assert!(read(" \n").expect_err("empty").contains("no Kubernetes objects"));
        assert!(read("{\"items\": []}").expect_err("empty list").contains("no Kubernetes objects"));
        assert!(read("true").is_err());
    }
}
