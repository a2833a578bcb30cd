use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("?".into(), |bytes| bytes.escape_ascii().to_string())
}

/// The block's fields as `name=value`, what is not known as `?`.
fn decoded(decoder: &mut Decoder, block: &str) -> Result<Vec<String>, Flaw> {
    let mut fields = Vec::new();
    decoder.decode(&hex(block), &mut |field: Field<'_>| {
        fields.push(format!("{}={}", shown(field.name), shown(field.value)));
    })?;
    Ok(fields)
}

/// The dynamic table, most recent first, and its size.
fn table(decoder: &Decoder) -> (Vec<String>, usize) {
    let entry =
        |entry: &Entry| format!("{}={}", shown(entry.field().name), shown(entry.field().value));
    (decoder.entries.iter().map(entry).collect(), decoder.bytes)
}

/// A block, its fields, and the table and its size afterwards.
type Example = (&'static str, &'static [&'static str], &'static [&'static str], usize);

fn check(capacity: usize, examples: &[Example]) {
    let mut decoder = Decoder::new(capacity);
    for (block, fields, entries, bytes) in examples {
        assert_eq!(decoded(&mut decoder, block).expect(block), *fields);
        let (found, size) = table(&decoder);
        assert_eq!((found.as_slice(), size), (&*entries.map_owned(), *bytes), "{block}");
    }
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

/// RFC 7541 appendix C.1.
#[test]
fn integers() {
    assert_eq!(integer(&[0x0a], 5), Ok((10, &[][..])));
    assert_eq!(integer(&[0x1f, 0x9a, 0x0a], 5), Ok((1337, &[][..])));
    assert_eq!(integer(&[0x2a], 8), Ok((42, &[][..])));
    assert_eq!(integer(&[0x1f, 0x9a], 5), Err(Flaw::Cut));
    assert_eq!(integer(&[0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 5), Err(Flaw::Integer));
    assert_eq!(integer(&[0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f], 5), Err(Flaw::Integer));
}

/// RFC 7541 appendix C.2: each representation.
#[test]
fn representations() {
    let custom: &[&str] = &["custom-key=custom-header"];
    check(
        4096,
        &[("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", custom, custom, 55)],
    );
    check(4096, &[("040c 2f73 616d 706c 652f 7061 7468", &[":path=/sample/path"], &[], 0)]);
    check(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", &["password=secret"], &[], 0)]);
    check(4096, &[("82", &[":method=GET"], &[], 0)]);
}

const REQUEST_1: &[&str] =
    &[":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"];
const REQUEST_2: &[&str] = &[
    ":method=GET",
    ":scheme=http",
    ":path=/",
    ":authority=www.example.com",
    "cache-control=no-cache",
];
const REQUEST_3: &[&str] = &[
    ":method=GET",
    ":scheme=https",
    ":path=/index.html",
    ":authority=www.example.com",
    "custom-key=custom-value",
];
const AFTER_2: &[&str] = &["cache-control=no-cache", ":authority=www.example.com"];
const AFTER_3: &[&str] =
    &["custom-key=custom-value", "cache-control=no-cache", ":authority=www.example.com"];

/// RFC 7541 appendices C.3 and C.4: requests without and with Huffman coding.
#[test]
fn requests() {
    check(
        4096,
        &[
            ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUEST_1, &AFTER_2[1..], 57),
            ("8286 84be 5808 6e6f 2d63 6163 6865", REQUEST_2, AFTER_2, 110),
            (
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
                REQUEST_3,
                AFTER_3,
                164,
            ),
        ],
    );
    check(
        4096,
        &[
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUEST_1, &AFTER_2[1..], 57),
            ("8286 84be 5886 a8eb 1064 9cbf", REQUEST_2, AFTER_2, 110),
            (
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                REQUEST_3,
                AFTER_3,
                164,
            ),
        ],
    );
}

const DATE_1: &str = "date=Mon, 21 Oct 2013 20:13:21 GMT";
const DATE_2: &str = "date=Mon, 21 Oct 2013 20:13:22 GMT";
const PRIVATE: &str = "cache-control=private";
const LOCATION: &str = "location=https://www.example.com";
const COOKIE: &str = "set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const GZIP: &str = "content-encoding=gzip";

/// RFC 7541 appendices C.5 and C.6: responses with evictions, without and with Huffman coding.
#[test]
fn responses() {
    let fields: [&[&str]; 3] = [
        &[":status=302", PRIVATE, DATE_1, LOCATION],
        &[":status=307", PRIVATE, DATE_1, LOCATION],
        &[":status=200", PRIVATE, DATE_2, LOCATION, GZIP, COOKIE],
    ];
    let tables: [&[&str]; 3] = [
        &[LOCATION, DATE_1, PRIVATE, ":status=302"],
        &[":status=307", LOCATION, DATE_1, PRIVATE],
        &[COOKIE, GZIP, DATE_2],
    ];
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let coded = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
         4ee5 b106 3d50 07",
    ];
    for blocks in [plain, coded] {
        let sizes = [222, 222, 215];
        let examples: Vec<Example> =
            (0..3).map(|i| (blocks[i], fields[i], tables[i], sizes[i])).collect();
        check(256, &examples);
    }
}

#[test]
fn blocks_of_another_encoder() {
    let mut decoder = Decoder::new(4096);
    for (block, fields) in vectors::BLOCKS {
        assert_eq!(decoded(&mut decoder, block).as_deref(), Ok(fields.map_owned().as_slice()));
    }
}

/// From any block on: what was added since is known, the rest is marked, nothing is wrong.
#[test]
fn from_the_middle() {
    let mut known = 0;
    for first in 1..vectors::BLOCKS.len() {
        let mut decoder = Decoder::new(65536);
        for (block, fields) in &vectors::BLOCKS[first..] {
            let found = decoded(&mut decoder, block).expect("the table goes on");
            assert_eq!(found.len(), fields.len());
            for (found, field) in found.iter().zip(*fields) {
                let (name, value) = field.split_once('=').expect("name and value");
                let nameless = format!("?={value}");
                assert!(found == field || found == "?=?" || *found == nameless, "{name}");
                known += usize::from(found == field);
            }
        }
    }
    let all: usize = (1..vectors::BLOCKS.len())
        .map(|first| vectors::BLOCKS[first..].iter().map(|(_, fields)| fields.len()).sum::<usize>())
        .sum();
    assert!(known * 100 > all * 85, "{known} of {all}");
}

#[test]
fn flaws() {
    for (block, flaw) in [
        ("80", Flaw::Integer),
        ("40", Flaw::Cut),
        ("400a 63", Flaw::Cut),
        ("4001 61ff ffff ffff ff00", Flaw::Integer),
        ("0081 18 00", Flaw::Huffman),
    ] {
        let mut decoder = Decoder::new(4096);
        decoded(&mut decoder, "4001 6101 62").expect("an entry");
        assert_eq!(decoded(&mut decoder, block), Err(flaw), "{block}");
        assert_eq!(decoded(&mut decoder, "be"), Ok(vec!["?=?".into()]), "the table is forgotten");
    }
    for (block, _) in vectors::BLOCKS {
        for end in 0..block.len() / 2 {
            let _ = decoded(&mut Decoder::new(4096), &block[..2 * end]);
        }
    }
}

#[test]
fn the_table_stays_within_its_limit() {
    let mut decoder = Decoder::new(100);
    // A size update to 2^30, then the same entry again and again.
    decoded(&mut decoder, "3fe1ffffff03").expect("a size");
    for _ in 0..1000 {
        decoded(&mut decoder, "4001 6101 62").expect("an entry");
        assert!(decoder.bytes <= 100);
    }
}
