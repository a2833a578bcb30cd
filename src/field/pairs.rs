//! A map of text to text in one buffer: two allocations for all headers of a message, order and
//! repeated keys kept. Joining repeated keys, as KFL's maps want it, is done once when a message
//! is complete.

use super::Text;

/// Keys and values in order of appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    text: String,
    /// End of each key and end of each value in `text`.
    ends: Vec<(u32, u32)>,
    /// A bit for what each key looks like, and whether two look alike.
    looks: u64,
    alike: bool,
}

/// Keys that differ in length or ends, as most do, are told apart by one bit each.
fn look(key: &str) -> u64 {
    let ends = [key.as_bytes().first(), key.as_bytes().last()];
    let [first, last] = ends.map(|byte| byte.copied().map_or(0, u64::from));
    1u64 << ((key.len() as u64 * 7 + first * 5 + last * 3) % 64)
}

impl Pairs {
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for so many pairs and bytes of text.
    pub fn with_capacity(pairs: usize, bytes: usize) -> Self {
        let (text, ends) = (String::with_capacity(bytes), Vec::with_capacity(pairs));
        Pairs { text, ends, ..Pairs::default() }
    }

    /// Appends a pair. Text beyond 4 GiB is refused silently: callers cap far below.
    pub fn push(&mut self, key: &str, value: &str) {
        let (Ok(key_end), Ok(value_end)) = (
            u32::try_from(self.text.len() + key.len()),
            u32::try_from(self.text.len() + key.len() + value.len()),
        ) else {
            return;
        };
        self.text.push_str(key);
        self.text.push_str(value);
        self.ends.push((key_end, value_end));
        let look = look(key);
        self.alike |= self.looks & look != 0;
        self.looks |= look;
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0usize;
        self.ends.iter().map(move |&(key_end, value_end)| {
            let (k, v) = (key_end as usize, value_end as usize);
            let pair = (self.text.get(start..k).unwrap_or(""), self.text.get(k..v).unwrap_or(""));
            start = v;
            pair
        })
    }

    /// The first value of `key`; keys compare as they are.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// The same pairs with the values of a repeated key joined by `,` at its first place, as
    /// Kubeshark's maps show repeated HTTP headers.
    pub fn joined(&self) -> Pairs {
        let mut seen: Vec<(&str, Text)> = Vec::with_capacity(self.len());
        let mut places = std::collections::BTreeMap::new();
        for (key, value) in self.iter() {
            let place = *places.entry(key).or_insert(seen.len());
            match seen.get_mut(place) {
                Some((_, joined)) => {
                    joined.push(',');
                    joined.push_str(value);
                }
                None => seen.push((key, Text::from(value))),
            }
        }
        let mut out = Pairs::new();
        for (key, value) in &seen {
            out.push(key, value);
        }
        out
    }

    /// Whether a key occurs more than once.
    pub fn has_repeats(&self) -> bool {
        self.alike && self.has_repeats_sorted()
    }

    fn has_repeats_sorted(&self) -> bool {
        let mut keys: Vec<&str> = self.iter().map(|(k, _)| k).collect();
        keys.sort_unstable();
        keys.windows(2).any(|w| matches!(w, [a, b] if a == b))
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut out = Pairs::new();
        for (key, value) in pairs {
            out.push(key.as_ref(), value.as_ref());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_joins_repeats() {
        let pairs: Pairs = [("a", "1"), ("b", ""), ("a", "2")].into_iter().collect();
        assert_eq!(pairs.get("b"), Some(""));
        assert!(pairs.has_repeats());
        let joined: Vec<_> = pairs.joined().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(joined, ["a=1,2", "b="]);
    }

    #[test]
    fn repeats_are_found_wherever_they_are() {
        for len in 0..70 {
            let keys: Vec<String> = (0..len).map(|n| format!("key-{n}")).collect();
            let pairs = |keys: &[String]| keys.iter().map(|k| (k, "")).collect::<Pairs>();
            assert!(!pairs(&keys).has_repeats());
            for again in 0..len {
                let mut keys = keys.clone();
                keys.push(keys[again].clone());
                assert!(pairs(&keys).has_repeats(), "{again} of {len}");
            }
        }
    }
}
