//! Two rows side by side as one: a protocol that builds on another shares its fields instead of
//! repeating them.

use super::{ColumnSink, FieldDef, Pairs, Row, Text};

/// The table of a [`Joined`] row: `first`, then `second`.
///
/// # Panics
/// When `N` is not the length of both together; at compile time, since it makes statics.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler
pub const fn concat<const N: usize>(first: &[FieldDef], second: &[FieldDef]) -> [FieldDef; N] {
    assert!(N == first.len() + second.len());
    let mut all = [if first.is_empty() { second[0] } else { first[0] }; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

/// Two rows as one.
#[derive(Debug)]
pub struct Joined<A, B> {
    /// The fields of both, as [`concat()`] makes them.
    pub fields: &'static [FieldDef],
    pub first: A,
    pub second: B,
}

impl<A: Row, B: Row> Row for Joined<A, B> {
    fn fields(&self) -> &'static [FieldDef] {
        self.fields
    }

    fn visit(&self, sink: &mut dyn ColumnSink) {
        self.first.visit(sink);
        self.second.visit(&mut Shifted { by: self.first.fields().len(), sink });
    }
}

/// Passes values on to columns further right.
struct Shifted<'a> {
    by: usize,
    sink: &'a mut dyn ColumnSink,
}

impl ColumnSink for Shifted<'_> {
    fn text(&mut self, column: usize, value: &str) {
        self.sink.text(self.by + column, value);
    }
    fn int(&mut self, column: usize, value: i64) {
        self.sink.int(self.by + column, value);
    }
    fn bool(&mut self, column: usize, value: bool) {
        self.sink.bool(self.by + column, value);
    }
    fn list(&mut self, column: usize, value: &[Text]) {
        self.sink.list(self.by + column, value);
    }
    fn map(&mut self, column: usize, value: &Pairs) {
        self.sink.map(self.by + column, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::fields! {
        /// One half.
        pub struct First {
            /// A number.
            one: Int = "one == 1";
        }
        /// The other half.
        pub struct Second {
            /// A word.
            two: Text = "two == \"2\"";
            /// Another number.
            three: Int = "three == 3";
        }
    }

    static BOTH: [FieldDef; 3] = concat(First::FIELDS, Second::FIELDS);

    #[derive(Default)]
    struct Kept(Vec<(usize, String)>);

    impl ColumnSink for Kept {
        fn text(&mut self, column: usize, value: &str) {
            self.0.push((column, value.into()));
        }
        fn int(&mut self, column: usize, value: i64) {
            self.0.push((column, value.to_string()));
        }
        fn bool(&mut self, _: usize, _: bool) {}
        fn list(&mut self, _: usize, _: &[Text]) {}
        fn map(&mut self, _: usize, _: &Pairs) {}
    }

    #[test]
    fn columns_stand_behind_each_other() {
        let second = Second { two: "2".into(), three: 3 };
        let row = Joined { fields: &BOTH, first: First { one: 1 }, second };
        let mut kept = Kept::default();
        row.visit(&mut kept);
        assert_eq!(kept.0, [(0, "1".into()), (1, "2".into()), (2, "3".into())]);
        let names: Vec<_> = row.fields().iter().map(|field| field.name).collect();
        assert_eq!(names, ["one", "two", "three"]);
    }
}
