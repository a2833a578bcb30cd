//! What is put into columns comes back from the file, whatever it looks like.

use std::io::BufReader;

use proptest::prelude::*;

use super::*;
use crate::field::{ColumnSink, FieldType, Origin, Pairs};

const COLUMNS: [(&str, FieldType); 6] = [
    ("timestamp", FieldType::Time),
    ("number", FieldType::Int),
    ("flag", FieldType::Bool),
    ("text", FieldType::Text),
    ("list", FieldType::List),
    ("map", FieldType::Map),
];

/// A row of a table with one column of each type.
#[derive(Debug, Clone, PartialEq, Default)]
struct Line {
    ns: i64,
    number: i64,
    flag: bool,
    text: String,
    list: Vec<String>,
    map: Vec<(String, String)>,
}

fn table(group_rows: usize) -> &'static Table {
    let field =
        |(name, ty)| FieldDef { name, ty, doc: "", example: "", origin: Origin::Stored, absent: 0 };
    let fields = COLUMNS.map(field);
    Box::leak(Box::new(Table::new("lines", group_rows, &[&fields])))
}

/// Writes lines to a file, row groups as the table says.
fn write(dir: &Path, group_rows: usize, lines: &[Line]) -> PathBuf {
    let (mut file, mut pages) = (TableFile::new(table(group_rows), dir, 0), Pages::new().unwrap());
    let columns: Vec<usize> = (0..COLUMNS.len()).collect();
    for line in lines {
        let mut part = file.rows.part(&columns);
        part.int(0, line.ns);
        part.int(1, line.number);
        part.bool(2, line.flag);
        if !line.text.is_empty() {
            part.text(3, &line.text);
        }
        let list: Vec<Text> = line.list.iter().map(Text::from).collect();
        if !list.is_empty() {
            part.list(4, &list);
        }
        part.map(5, &line.map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Pairs>());
        file.row(&[], &mut pages).unwrap();
    }
    let path = file.path.clone();
    file.finish(&mut pages).unwrap();
    path
}

/// Reads them with Polars, which knows nothing of how they were written.
fn read(path: &Path) -> (Vec<Line>, DataFrame) {
    let frame = ParquetReader::new(BufReader::new(File::open(path).unwrap())).finish().unwrap();
    let int = |name: &str| frame.column(name).unwrap().i64().unwrap().clone();
    let (ns, number) = (int("ts_ns"), int("number"));
    let flag = frame.column("flag").unwrap().bool().unwrap().clone();
    let text = frame.column("text").unwrap().str().unwrap().clone();
    let list = frame.column("list").unwrap().list().unwrap().clone();
    let map = frame.column("map").unwrap().list().unwrap().clone();
    let strings = |series: &Series| -> Vec<String> {
        series.str().unwrap().iter().map(|s| s.unwrap().to_string()).collect()
    };
    let pairs = |series: &Series| -> Vec<(String, String)> {
        let fields = series.struct_().unwrap();
        let [keys, values] = ["key", "value"].map(|f| strings(&fields.field_by_name(f).unwrap()));
        keys.into_iter().zip(values).collect()
    };
    let line = |row: usize| Line {
        ns: ns.get(row).unwrap(),
        number: number.get(row).unwrap(),
        flag: flag.get(row).unwrap(),
        text: text.get(row).unwrap().to_string(),
        list: strings(&list.get_as_series(row).unwrap()),
        map: pairs(&map.get_as_series(row).unwrap()),
    };
    ((0..frame.height()).map(line).collect(), frame.clone())
}

fn comes_back(group_rows: usize, lines: &[Line]) {
    let dir = tempfile::tempdir().unwrap();
    let (found, frame) = read(&write(dir.path(), group_rows, lines));
    assert_eq!(found.len(), lines.len());
    for (row, (found, line)) in found.iter().zip(lines).enumerate() {
        assert_eq!(found, line, "row {row}");
    }
    let us = frame.column("ts").unwrap().cast(&DataType::Int64).unwrap();
    let us: Vec<i64> = us.i64().unwrap().iter().flatten().collect();
    assert_eq!(us, lines.iter().map(|line| line.ns / 1000).collect::<Vec<_>>());
}

/// Text that repeats, text that does not, and empty text; values that are far apart.
fn line() -> impl Strategy<Value = Line> {
    let text = || prop_oneof![Just(String::new()), "[ab]{0,2}", ".{0,80}"];
    let number = prop_oneof![0..3i64, any::<i64>(), Just(i64::MAX), Just(i64::MIN)];
    let list = proptest::collection::vec(text(), 0..4);
    let map = proptest::collection::vec((text(), text()), 0..6);
    (0..1i64 << 61, number, any::<bool>(), text(), list, map)
        .prop_map(|(ns, number, flag, text, list, map)| Line { ns, number, flag, text, list, map })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_rows_come_back(
        lines in proptest::collection::vec(line(), 1..200),
        group_rows in prop_oneof![Just(1usize), 2..64usize, Just(10_000)],
    ) {
        comes_back(group_rows, &lines);
    }
}

/// A column that repeats itself in some row groups and not in others changes its encoding on the
/// way, in the middle of a group too.
#[test]
fn columns_that_stop_repeating_come_back() {
    let line = |row: usize| {
        let unique = (row / 3000) % 2 == 1 || row % 700 > 600;
        let text = if unique { format!("value {row}") } else { format!("value {}", row % 5) };
        Line {
            ns: row as i64 * 1_000_003,
            number: if unique { row as i64 * 7_777_777_777 } else { row as i64 % 3 },
            flag: row.is_multiple_of(3),
            list: vec![text.clone(); row % 3],
            map: vec![("key".into(), text.clone()), (text.clone(), String::new())],
            text,
        }
    };
    let lines: Vec<Line> = (0..20_000).map(line).collect();
    comes_back(1000, &lines);
    comes_back(7000, &lines);
}

/// Scans skip row groups by least and greatest values: those must be true.
#[test]
fn filters_find_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let line =
        |row: i64| Line { number: row - 500, text: format!("t{:04}", row / 10), ..Line::default() };
    let lines: Vec<Line> = (0..1000).map(line).collect();
    let path = write(dir.path(), 100, &lines);
    let count = |filter: Expr| {
        let path = PlRefPath::try_from_path(&path).unwrap();
        let scan = LazyFrame::scan_parquet(path, Default::default()).unwrap();
        scan.filter(filter).collect().unwrap().height()
    };
    assert_eq!(count(col("number").lt(lit(-450))), 50);
    assert_eq!(count(col("number").gt_eq(lit(499))), 1);
    assert_eq!(count(col("text").eq(lit("t0042"))), 10);
    assert_eq!(count(col("text").gt(lit("t0098"))), 10);
    assert_eq!(count(col("text").eq(lit("u"))), 0);
}
