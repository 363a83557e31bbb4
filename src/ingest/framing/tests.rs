use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::ingest::container::SharedBytes;

/// (offset, complete, bytes) of every piece of a block.
type Found = Vec<(u64, bool, Vec<u8>)>;

fn pieces(framing: Framing, block: &[u8], place: JsonPlace, base: u64) -> Found {
    let whole = |(offset, bytes)| Piece::Record(offset, bytes);
    let pieces: Vec<Piece<'_>> = match framing {
        Framing::Lines => Lines::new(block).map(whole).collect(),
        Framing::Csv => CsvRecords::new(block).map(whole).collect(),
        Framing::Json => JsonObjects::at(block, place).collect(),
        Framing::Xml => XmlEvents::new(block).collect(),
        Framing::Rendered => RenderedEvents::new(block).collect(),
        Framing::Evtx => EvtxChunks::new(block).collect(),
    };
    let entry = |piece| match piece {
        Piece::Record(at, bytes) => (base + at as u64, true, bytes.to_vec()),
        Piece::Damaged(at, bytes) => (base + at as u64, false, bytes.to_vec()),
    };
    pieces.into_iter().map(entry).collect()
}

fn cuts(framing: Framing, mut input: &[u8], sizes: BlockSizes, streamed: bool) -> Vec<Cut> {
    let bytes = SharedBytes::from(input.to_vec());
    let mut reader = if streamed {
        BlockReader::from_reader(framing, &mut input, sizes, &Arc::default())
    } else {
        BlockReader::from_bytes(framing, bytes, sizes)
    };
    std::iter::from_fn(|| reader.next_cut().unwrap()).collect()
}

/// Cuts into blocks, checks that they cover the input, and compares their records with those of the whole.
fn check(framing: Framing, input: &[u8], target: usize) {
    let whole = pieces(framing, input, JsonPlace::Top, 0);
    for streamed in [false, true] {
        let mut found = Found::new();
        let mut end = 0;
        for cut in cuts(
            framing,
            input,
            BlockSizes {
                target,
                max_record: 64 << 20,
            },
            streamed,
        ) {
            let Cut::Block(block) = cut else {
                panic!("nothing is oversized here")
            };
            assert_eq!(block.offset, end);
            end += block.bytes.len() as u64;
            found.extend(pieces(framing, &block.bytes, block.place, block.offset));
        }
        assert_eq!(end, input.len() as u64);
        assert!(
            found == whole,
            "{framing:?} {target}\n{:?}\n{found:?}\n{whole:?}",
            String::from_utf8_lossy(input)
        );
    }
}

/// Texts made of the parts that matter to a framing, in any order: mostly broken documents.
fn soup(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(parts), 0..40).prop_map(|v| v.concat())
}

const JSON: &[&str] = &[
    "{",
    "}",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "\n",
    "}\n{",
    "}\r\n{",
    ",",
    ":",
    "\"a\"",
    "\"",
    "\\",
    " ",
    "  ",
    "{\"a\":1}",
    "{\"a\":{}}\n",
    "{\"value\":[",
    "{\"hits\":{\"hits\":[",
    "]}",
    "{\"schema\":[{}],\"results\":[",
    "1",
    "x",
    ",\n  {\"b\":[]}",
    "\"}\n{\"",
];
const XML: &[&str] = &[
    "<Event>",
    "<Event x='y'>",
    "</Event>",
    "<Events>",
    "<EventData>",
    "</EventData>",
    "a",
    "\n",
    "- ",
    "<",
    "<Ev",
    "ent>",
];
const RENDERED: &[&str] = &[
    "01/14/2021 11:41:39 PM",
    "1/2/2021 1:01:01 AM\n",
    "\nLogName=",
    "LogName=",
    "Security",
    "\n",
    "\r\n",
    "Message=x",
    "0",
];
const CSV: &[&str] = &["\"", "\"", "\"\"", ",", ",\"", "\",", "\n", "\r\n", "a", ";", "b,c\n"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn json_blocks_hold_what_the_whole_holds(text in soup(JSON), target in 1usize..60) {
        check(Framing::Json, text.as_bytes(), target);
    }

    #[test]
    fn xml_blocks_hold_what_the_whole_holds(text in soup(XML), target in 1usize..60) {
        check(Framing::Xml, text.as_bytes(), target);
    }

    #[test]
    fn blocks_of_rendered_events_hold_what_the_whole_holds(text in soup(RENDERED), target in 1usize..60) {
        check(Framing::Rendered, text.as_bytes(), target);
    }

    #[test]
    fn csv_blocks_hold_what_the_whole_holds(text in soup(CSV), target in 1usize..60) {
        check(Framing::Csv, text.as_bytes(), target);
    }

    #[test]
    fn lines_in_blocks_are_the_lines_of_the_whole(text in "[ab\r\n]{0,60}", target in 1usize..60) {
        check(Framing::Lines, text.as_bytes(), target);
    }

    #[test]
    fn json_objects_read_back(values in prop::collection::vec(("[a-z]{1,4}", ".{0,12}", any::<i32>()), 1..20), form in 0usize..5, target in 1usize..200) {
        let objects: Vec<_> = values.iter().map(|(k, v, n)| serde_json::json!({ k: v, "n": {"deep": [n, {"x": v}]} })).collect();
        let pretty = |v: &serde_json::Value| serde_json::to_string_pretty(v).unwrap();
        let text = match form {
            0 => objects.iter().map(|o| format!("{o}\n")).collect::<String>(),
            1 => serde_json::Value::from(objects.clone()).to_string(),
            2 => pretty(&serde_json::Value::from(objects.clone())),
            3 => objects.iter().map(|o| pretty(o) + "\n").collect::<String>(),
            _ => pretty(&serde_json::json!({ "count": 3, "value": objects, "next": [{}] })),
        };
        let found: Vec<serde_json::Value> = JsonObjects::new(text.as_bytes())
            .map(|piece| serde_json::from_slice(piece.record().expect("nothing is broken")).unwrap())
            .collect();
        prop_assert_eq!(found, objects);
        check(Framing::Json, text.as_bytes(), target);
    }

    #[test]
    fn csv_records_read_back(rows in prop::collection::vec(prop::collection::vec("[a-c\",;\r\n ]{0,8}", 1..4), 1..12), target in 1usize..60) {
        let cell = |c: &String| format!("\"{}\"", c.replace('"', "\"\""));
        let lines: Vec<_> = rows.iter().map(|r| r.iter().map(cell).collect::<Vec<_>>().join(",")).collect();
        let text = lines.join("\r\n") + "\r\n";
        let found: Vec<_> = CsvRecords::new(text.as_bytes()).map(|(_, r)| String::from_utf8(r.to_vec()).unwrap()).collect();
        prop_assert_eq!(found, lines);
        check(Framing::Csv, text.as_bytes(), target);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn evtx_chunks_in_blocks_are_those_of_the_whole(kinds in prop::collection::vec(0u8..3, 0..6), cut in 0usize..70_000, header: bool, target in 1usize..300_000) {
        let mut file = Vec::new();
        if header {
            file.resize(4096, 0);
            file[..8].copy_from_slice(b"ElfFile\0");
        }
        for kind in kinds {
            let start = file.len();
            file.resize(start + 65_536, if kind == 2 { 7 } else { 0 });
            if kind == 1 {
                file[start..start + 8].copy_from_slice(b"ElfChnk\0");
            }
        }
        file.truncate(file.len().saturating_sub(cut));
        check(Framing::Evtx, &file, target);
    }
}

#[test]
fn a_record_above_the_limit_is_passed_over_and_named() {
    let long = "x".repeat(5000);
    for (framing, input) in [
        (Framing::Lines, format!("a\n{long}\nb\n")),
        (Framing::Csv, format!("a\n1,{long}\nb\n")),
        (
            Framing::Json,
            format!("{{\"a\":1}}\n{{\"l\":\"{long}\"}}\n{{\"b\":2}}\n"),
        ),
        (
            Framing::Xml,
            format!("<Event>a</Event>\n<Event>{long}</Event>\n<Event>b</Event>\n"),
        ),
        (
            Framing::Rendered,
            ["a", &long, "b"]
                .map(|m| format!("1/2/2021 1:01:01 AM\nLogName={m}\n"))
                .concat(),
        ),
    ] {
        for streamed in [false, true] {
            let all = cuts(
                framing,
                input.as_bytes(),
                BlockSizes {
                    target: 32,
                    max_record: 1000,
                },
                streamed,
            );
            let records: usize = all
                .iter()
                .map(|cut| match cut {
                    Cut::Block(b) => pieces(framing, &b.bytes, b.place, 0).iter().filter(|p| p.1).count(),
                    Cut::Oversized { len, head, .. } => {
                        assert!(*len >= 5000 && head.len() == HEAD_KEPT);
                        0
                    }
                })
                .sum();
            assert_eq!(records, 2, "{framing:?}");
        }
    }
}

const HEAD_KEPT: usize = 256;

#[test]
fn real_documents_come_apart_into_valid_objects() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/formats");
    if !dir.is_dir() {
        eprintln!("skipped: {} is missing", dir.display());
        return;
    }
    let (mut files, mut objects) = (0, 0);
    for path in crate::ingest::discover::discover(&[dir.join("**/*.{json,ndjson}")], &[])
        .unwrap()
        .files
    {
        let text = std::fs::read(&path).unwrap();
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
        let valid = serde_json::Deserializer::from_slice(text)
            .into_iter::<serde_json::Value>()
            .all(|v| v.is_ok());
        if !valid {
            continue;
        }
        for piece in JsonObjects::new(text) {
            let record = piece
                .record()
                .unwrap_or_else(|| panic!("{}: {piece:?}", path.display()));
            assert!(serde_json::from_slice::<serde_json::Value>(record).unwrap().is_object());
            objects += 1;
        }
        check(Framing::Json, text, 5000);
        files += 1;
    }
    assert!(files > 10 && objects > 500, "{files} files, {objects} objects");
    let events = std::fs::read(dir.join("windows_xml_crowdsec/windows-logs__windows-logs.log")).unwrap();
    let found: Vec<_> = XmlEvents::new(&events).collect();
    assert!(
        !found.is_empty()
            && found
                .iter()
                .all(|p| p.record().is_some_and(|e| !strip_tree_dashes(e).starts_with(b"-")))
    );
    check(Framing::Xml, &events, 1000);
}

#[test]
fn byte_order_marks_between_json_documents_are_blanks() {
    let text = "\u{feff}{\"a\":1}\u{feff}{\"a\":2}\r\n\u{feff}[{\"a\":3},{\"a\":4}]\n\u{feff}\n";
    let found: Vec<_> = JsonObjects::new(text.as_bytes())
        .map(|p| p.record().is_some())
        .collect();
    assert_eq!(found, [true; 4]);
}
