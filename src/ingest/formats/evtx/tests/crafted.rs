//! Records made to meet every turn of the direct reader, and random ones.

use super::{Got, Noise, both, read};
use crate::ingest::binxml::testing::{Chunk, Value};
use crate::ingest::formats::evtx::Reader;

const ALWAYS: u16 = 0xFFFF;
const START: u8 = 2;
const EMPTY: u8 = 3;
const END: u8 = 4;

/// A chunk with one record.
fn chunk(body: impl FnOnce(&mut Chunk)) -> Vec<u8> {
    let mut chunk = Chunk::new();
    let start = chunk.begin();
    body(&mut chunk);
    chunk.end(start);
    chunk.done()
}

/// `<Event><System><EventID>7</EventID>…</System>…</Event>` of a template, with these values.
fn event(system: impl FnOnce(&mut Chunk), behind: impl FnOnce(&mut Chunk), values: Vec<Value<'_>>) -> Vec<u8> {
    chunk(|c| {
        let body = |c: &mut Chunk| {
            c.open("Event", Some(ALWAYS));
            c.token(START);
            c.open("System", Some(ALWAYS));
            c.token(START);
            leaf(c, "EventID", ALWAYS, |c| c.text("7"));
            system(c);
            c.token(END);
            behind(c);
            c.token(END);
        };
        c.instance(body, values);
    })
}

/// An element of a template with this content.
fn leaf(c: &mut Chunk, name: &str, depends: u16, content: impl FnOnce(&mut Chunk)) {
    c.open(name, Some(depends));
    c.token(START);
    content(c);
    c.token(END);
}

fn data(c: &mut Chunk, name: &str, value: u16) {
    c.open("Data", Some(ALWAYS));
    c.attribute("Name");
    c.text(name);
    c.token(START);
    c.value(value);
    c.token(END);
}

fn string(text: &str) -> Value<'static> {
    Value::Plain(1, text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}

fn strings(texts: &[&str]) -> Value<'static> {
    let all: String = texts.iter().flat_map(|t| [*t, "\0"]).collect();
    Value::Plain(0x81, all.encode_utf16().flat_map(u16::to_le_bytes).collect())
}

fn u16_value(value: u16) -> Value<'static> {
    Value::Plain(6, value.to_le_bytes().to_vec())
}

const NULL: fn() -> Value<'static> = || Value::Plain(0, Vec::new());

/// Reads a chunk with one event, which must be read directly, both ways.
fn direct(what: &str, chunk: &[u8]) -> Vec<(String, String)> {
    assert_eq!(both(what, chunk), (1, 1), "{what}");
    fields(chunk)
}

/// Reads a chunk with one event, which must not be read directly, both ways.
fn by_library(what: &str, chunk: &[u8]) {
    assert_eq!(both(what, chunk), (1, 0), "{what}");
}

fn fields(chunk: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::new(encoding_rs::WINDOWS_1252);
    let (got, _) = read(chunk, |bytes, at, mut take| reader.chunk(bytes, at, &mut take));
    let [Got::Event(raw)] = got.as_slice() else {
        panic!("no event: {got:?}");
    };
    let text = |f: &crate::ingest::raw::Field<'_>| (f.name.to_string(), f.value.text().unwrap().to_owned());
    raw.fields.iter().map(text).collect()
}

fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(n, v)| (&**n, &**v)).collect()
}

#[test]
fn every_type_of_value_has_the_same_text_both_ways() {
    let mut noise = Noise(3);
    for kind in (0..=0x24).chain(0x80..=0x96) {
        for size in [0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 28, 64] {
            for round in 0..6 {
                let bytes = (0..size)
                    .map(|i| match round {
                        0 => 0,
                        1 => 0xFF,
                        // What could be a SID, a time, a number.
                        2 => [1, ((size - 8_i32).max(0) / 4) as u8, 0, 0, 0, 0, 0, 5]
                            .get(i as usize)
                            .map_or(7, |b| *b),
                        3 => u8::from(i == 0),
                        _ => noise.below(256) as u8,
                    })
                    .collect();
                let values = vec![Value::Plain(kind, bytes), string("behind")];
                let section = |c: &mut Chunk| {
                    leaf(c, "EventData", ALWAYS, |c| {
                        data(c, "a", 0);
                        data(c, "b", 1);
                    });
                };
                both(&format!("{size} bytes of {kind:#x}"), &event(|_| (), section, values));
            }
        }
    }
    let floats = [
        0.1,
        1e300,
        -2.5e-8,
        1e16,
        123_456_789.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::NAN,
        f64::INFINITY,
    ];
    for float in floats {
        for value in [
            Value::Plain(0x0C, float.to_le_bytes().to_vec()),
            Value::Plain(0x0B, (float as f32).to_le_bytes().to_vec()),
        ] {
            let section = |c: &mut Chunk| leaf(c, "EventData", ALWAYS, |c| data(c, "a", 0));
            both(&format!("{float}"), &event(|_| (), section, vec![value]));
        }
    }
}

#[test]
fn a_value_that_is_null_leaves_out_the_element_that_depends_on_it() {
    let section = |c: &mut Chunk| {
        leaf(c, "EventData", ALWAYS, |c| {
            leaf(c, "Data", 0, |c| c.value(0));
            leaf(c, "Binary", 1, |c| c.value(1));
            leaf(c, "Binary", ALWAYS, |c| c.value(1));
            data(c, "x", 0);
        });
    };
    for (first, second, want) in [
        (NULL(), NULL(), vec![("x", "")]),
        (string(""), Value::Plain(14, vec![]), vec![("x", ""), ("Data", "")]),
        (
            string("s"),
            Value::Plain(14, vec![0xAB]),
            vec![("Binary", "AB"), ("Binary_2", "AB"), ("x", "s"), ("Data", "s")],
        ),
    ] {
        let chunk = event(|_| (), section, vec![first, second]);
        assert_eq!(pairs(&direct("dependent", &chunk)), want);
    }
}

#[test]
fn lists_repeat_their_element() {
    let section = |c: &mut Chunk| {
        leaf(c, "EventData", ALWAYS, |c| {
            leaf(c, "Data", ALWAYS, |c| c.value(0));
            data(c, "n", 0);
        });
    };
    for (list, want) in [
        (strings(&[]), vec![("n", ""), ("Data", "")]),
        (strings(&["a"]), vec![("n", "a"), ("Data", "a")]),
        (
            strings(&["a", "", "c"]),
            vec![
                ("n", "a"),
                ("n_2", ""),
                ("n_3", "c"),
                ("Data_1", "a"),
                ("Data_2", ""),
                ("Data_3", "c"),
            ],
        ),
    ] {
        let chunk = event(|_| (), section, vec![list]);
        assert_eq!(pairs(&direct("list", &chunk)), want);
    }
    let attribute = |c: &mut Chunk| {
        leaf(c, "UserData", ALWAYS, |c| {
            c.open("X", Some(ALWAYS));
            c.attribute("y");
            c.value(0);
            c.token(EMPTY);
        });
    };
    by_library(
        "list in an attribute",
        &event(|_| (), attribute, vec![strings(&["a", "b"])]),
    );
    direct("one in an attribute", &event(|_| (), attribute, vec![strings(&["a"])]));
}

#[test]
fn names_that_come_twice_are_numbered() {
    let section = |c: &mut Chunk| {
        leaf(c, "EventData", ALWAYS, |c| {
            data(c, "a", 0);
            data(c, "a", 0);
            data(c, "Data", 0);
            leaf(c, "Data", ALWAYS, |c| c.value(0));
        });
    };
    let chunk = event(|_| (), section, vec![string("1")]);
    assert_eq!(
        pairs(&direct("twice", &chunk)),
        [("a", "1"), ("a_2", "1"), ("Data", "1"), ("Data_2", "1")]
    );
}

#[test]
fn references_and_verbatim_text_are_text() {
    let section = |c: &mut Chunk| {
        leaf(c, "UserData", ALWAYS, |c| {
            c.open("X", Some(ALWAYS));
            c.attribute("y");
            c.text("a<");
            c.token(9);
            c.reference("quot");
            c.value(0);
            c.token(START);
            c.text("1 & ");
            c.token(0x49);
            c.reference("lt");
            c.bytes(&[8, 0xAC, 0x20, 0x47, 2, 0, b'<', 0, b'&', 0]);
            c.value(0);
            c.token(END);
        });
    };
    let chunk = event(|_| (), section, vec![string("&amp;\u{1}\"'>")]);
    assert_eq!(
        pairs(&direct("references", &chunk)),
        [("X_y", "a<\"&amp;_\"'>"), ("X", "1 & <€<&&amp;_\"'>")]
    );
    for odd in [
        &[8, 1, 0][..],
        &[8, 0, 0xD8],
        &[7, 1, 0, 1, 0],
        &[7, 1, 0, 0, 0xD8],
        &[7, 0, 0],
    ] {
        let section = |c: &mut Chunk| leaf(c, "EventData", ALWAYS, |c| leaf(c, "Data", ALWAYS, |c| c.bytes(odd)));
        by_library("odd text", &event(|_| (), section, vec![]));
    }
}

#[test]
fn user_data_are_flattened_below_their_wrapper() {
    let wrapper = |c: &mut Chunk| {
        c.open("ns:Wrapper", Some(ALWAYS));
        c.attribute("xmlns");
        c.text("http://m");
        c.attribute("xmlns:auto-ns3");
        c.text("http://n");
        c.attribute("id");
        c.value(0);
        c.token(START);
        leaf(c, "A", ALWAYS, |c| c.value(1));
        c.open("B", Some(ALWAYS));
        c.attribute("z");
        c.text("zz");
        c.attribute("empty");
        c.value(2);
        c.token(START);
        leaf(c, "C", ALWAYS, |c| c.value(1));
        c.open("D", Some(ALWAYS));
        c.attribute("e");
        c.value(1);
        c.token(EMPTY);
        c.token(END);
        c.token(END);
    };
    let values = || vec![u16_value(5), string("one"), NULL()];
    let want = [
        ("id", "5"),
        ("A", "one"),
        ("B_z", "zz"),
        ("B_C", "one"),
        ("B_D_e", "one"),
        ("B_D", ""),
    ];
    let inside = event(|_| (), |c| leaf(c, "UserData", ALWAYS, wrapper), values());
    assert_eq!(pairs(&direct("in one template", &inside)), want);
    let nested = Value::Nested(Box::new(move |c: &mut Chunk| c.instance(wrapper, values())));
    let section = |c: &mut Chunk| {
        c.open("UserData", Some(0));
        c.attribute("u");
        c.text("v");
        c.token(START);
        c.value(0);
        c.token(END);
    };
    let outside = event(|_| (), section, vec![nested]);
    let got = direct("in a template of its own", &outside);
    assert_eq!(pairs(&got), [&[("u", "v")], &want[..]].concat());
    let nothing = event(|_| (), section, vec![NULL()]);
    assert!(direct("not there", &nothing).is_empty());
    let text = event(|_| (), section, vec![string("text")]);
    assert!(direct("no elements", &text).is_empty());
}

#[test]
fn elements_without_template_are_read_too() {
    let bare = |c: &mut Chunk| {
        c.open("Event", None);
        c.attribute("xmlns");
        c.text("http://schemas.microsoft.com/win/2004/08/events/event");
        c.token(START);
        c.open("System", None);
        c.token(START);
        c.open("EventID", None);
        c.attribute("Qualifiers");
        c.text("3");
        c.token(START);
        c.text("4104");
        c.token(END);
        c.token(END);
        c.open("EventData", None);
        c.token(START);
        c.open("Data", None);
        c.attribute("Name");
        c.text("n");
        c.token(START);
        c.text("value");
        c.token(END);
        c.token(END);
        c.open("RenderingInfo", None);
        c.token(START);
        c.open("Message", None);
        c.token(START);
        c.text("Hello");
        c.token(END);
        c.open("Level", None);
        c.token(START);
        c.text("Information");
        c.token(END);
        c.token(END);
        c.token(END);
    };
    let whole = chunk(|c| {
        c.bytes(&[0x0F, 1, 1, 0]);
        bare(c);
        c.token(0);
    });
    assert_eq!(
        pairs(&direct("a forwarded event", &whole)),
        [("n", "value"), ("Level", "Information")]
    );
    let behind = chunk(|c| {
        bare(c);
        c.token(0);
        c.bytes(b"rest");
    });
    direct("without header", &behind);
    let nested = Value::Nested(Box::new(|c: &mut Chunk| {
        c.bytes(&[0x0F, 1, 1, 0]);
        c.instance(
            |c| leaf(c, "EventData", ALWAYS, |c| data(c, "a", 0)),
            vec![u16_value(1)],
        );
        c.open("RenderingInfo", None);
        c.token(START);
        c.open("Message", None);
        c.token(START);
        c.text("Hello");
        c.token(END);
        c.token(END);
        c.token(0);
    }));
    let two = event(|_| (), |c| c.value(0), vec![nested]);
    assert_eq!(pairs(&direct("an instance and an element", &two)), [("a", "1")]);
    let two = chunk(|c| {
        bare(c);
        bare(c);
        c.token(0);
    });
    by_library("two roots", &two);
}

#[test]
fn messages_fill_in_what_the_data_lack() {
    let section = |c: &mut Chunk| {
        leaf(c, "RenderingInfo", ALWAYS, |c| {
            leaf(c, "Message", ALWAYS, |c| c.value(0))
        });
    };
    let system = |c: &mut Chunk| {
        c.open("Provider", Some(ALWAYS));
        c.attribute("Name");
        c.text("Microsoft-Windows-Sysmon");
        c.token(EMPTY);
    };
    let message = "Registry object added:\r\nEventType: x\r\nProcessId: 4\r\n";
    let got = direct("a message", &event(system, section, vec![string(message)]));
    assert_eq!(got.last().unwrap().0, "Message");
    direct("a blank message", &event(system, section, vec![string(" ")]));
    direct("no message", &event(system, section, vec![NULL()]));
}

#[test]
fn headers_are_read_from_any_type_of_value() {
    let header = |c: &mut Chunk| {
        c.open("Provider", Some(ALWAYS));
        c.attribute("Name");
        c.value(0);
        c.attribute("Guid");
        c.value(1);
        c.attribute("EventSourceName");
        c.value(0);
        c.token(EMPTY);
        c.open("EventID", Some(ALWAYS));
        c.attribute("Qualifiers");
        c.value(1);
        c.token(START);
        c.value(2);
        c.token(END);
        for name in ["Version", "Keywords", "EventRecordID", "Channel", "Computer", "Level"] {
            leaf(c, name, ALWAYS, |c| c.value(1));
        }
        c.open("TimeCreated", Some(ALWAYS));
        c.attribute("SystemTime");
        c.value(1);
        c.token(EMPTY);
        c.open("Execution", Some(ALWAYS));
        c.attribute("ProcessID");
        c.value(1);
        c.attribute("xmlns");
        c.text("x");
        c.token(EMPTY);
        c.open("Security", Some(ALWAYS));
        c.attribute("UserID");
        c.value(1);
        c.token(EMPTY);
    };
    let sid = vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let many = [
        (0, vec![]),
        (1, vec![]),
        (1, b" \0".to_vec()),
        (1, b"-\0".to_vec()),
        (1, b"0\0x\x000\0".to_vec()),
        (1, b"1\x002\0".to_vec()),
        (4, vec![0]),
        (4, vec![7]),
        (6, vec![0, 0]),
        (8, vec![0, 0, 1, 0]),
        (9, i64::MIN.to_le_bytes().to_vec()),
        (10, vec![0xFF; 8]),
        (11, 0_f32.to_le_bytes().to_vec()),
        (13, vec![0; 4]),
        (15, vec![0; 16]),
        (15, vec![1; 16]),
        (17, 0_u64.to_le_bytes().to_vec()),
        (17, 133_485_000_451_234_567_u64.to_le_bytes().to_vec()),
        (17, 100_485_000_451_234_567_u64.to_le_bytes().to_vec()),
        (17, 2_650_467_744_000_000_000_u64.to_le_bytes().to_vec()),
        (17, u64::MAX.to_le_bytes().to_vec()),
        (18, vec![0; 16]),
        (19, sid),
        (20, vec![0; 4]),
        (21, (1_u64 << 63).to_le_bytes().to_vec()),
        (21, vec![0; 8]),
        (21, vec![0x20; 8]),
        (0x81, b"a\0\0\0b\0\0\0".to_vec()),
    ];
    for (kind, bytes) in &many {
        for (id_kind, id) in &many {
            let body = |c: &mut Chunk| {
                c.open("Event", Some(ALWAYS));
                c.token(START);
                leaf(c, "System", ALWAYS, header);
                c.token(END);
            };
            let values = vec![
                string("P"),
                Value::Plain(*kind, bytes.clone()),
                Value::Plain(*id_kind, id.clone()),
            ];
            both(
                &format!("{kind:#x} {bytes:?}, id {id_kind:#x} {id:?}"),
                &chunk(|c| c.instance(body, values)),
            );
        }
    }
}

#[test]
fn a_program_serves_all_records_of_a_template_and_no_other() {
    let mut c = Chunk::new();
    let mut records = 0;
    for round in 0..3 {
        for name in ["a", "b"] {
            let start = c.begin();
            let body = |c: &mut Chunk| {
                c.open("Event", Some(ALWAYS));
                c.token(START);
                leaf(c, "System", ALWAYS, |c| leaf(c, "EventID", ALWAYS, |c| c.text("1")));
                leaf(c, "EventData", ALWAYS, |c| data(c, name, 0));
                c.token(END);
            };
            c.instance(body, vec![u16_value(round)]);
            c.end(start);
            records += 1;
        }
    }
    let chunk = c.done();
    // Twice the same chunk: what is remembered must fit.
    assert_eq!(
        both("programs", &[&chunk[..], &chunk[..]].concat()),
        (2 * records, 2 * records)
    );
}

#[test]
fn random_templates_are_read_directly_as_by_way_of_their_xml() {
    let rounds: usize = std::env::var("COLDTRAIL_FUZZ").map_or(1, |n| n.parse().unwrap());
    let mut noise = Noise(11);
    let mut seen = 0;
    let mut fast = 0;
    for round in 0..2_000 * rounds {
        let chunk = chunk(|c| record(c, &mut noise));
        let (items, direct) = both(&format!("random {round}"), &chunk);
        seen += items;
        fast += direct;
    }
    eprintln!("{fast} of {seen} random records read directly");
    assert!(fast * 4 > seen, "{fast} of {seen}");
}

fn record(c: &mut Chunk, noise: &mut Noise) {
    if noise.below(8) == 0 {
        c.bytes(&[0x0F, 1, 1, 0]);
        root(c, noise, None);
        c.token(0);
        return;
    }
    let values = values(noise, 0);
    let count = values.len();
    let mut inner = Noise(noise.below(1 << 30) as u64);
    c.instance(|c| root(c, &mut inner, Some(count)), values);
}

fn root(c: &mut Chunk, noise: &mut Noise, values: Option<usize>) {
    let depends = values.map(|_| ALWAYS);
    c.open("Event", depends);
    c.token(START);
    c.open("System", depends);
    c.token(START);
    c.open("EventID", depends);
    c.token(START);
    c.text("5");
    c.token(END);
    for _ in 0..noise.below(4) {
        element(
            c,
            noise,
            values,
            2,
            &["Level", "Provider", "Execution", "Security", "Computer", "Task"],
        );
    }
    c.token(END);
    for _ in 0..noise.below(3) {
        let section = [
            "EventData",
            "EventData",
            "UserData",
            "UserData",
            "RenderingInfo",
            "BinaryEventData",
            "Debug",
        ];
        let section = section[noise.below(section.len())];
        element(c, noise, values, 0, &[section]);
    }
    if let Some(count) = values.filter(|n| *n > 0 && noise.below(2) == 0) {
        c.value(noise.below(count) as u16);
    }
    c.token(END);
}

const NAMES: &[&str] = &[
    "Data",
    "Data",
    "Data",
    "Binary",
    "ComplexData",
    "Message",
    "X",
    "Y",
    "ns:Z",
    "Name",
    "Event",
    "DataItem",
];

/// A random element; `values` is the number of values of the template, if it is one.
fn element(c: &mut Chunk, noise: &mut Noise, values: Option<usize>, depth: usize, names: &[&str]) {
    let depends = values.map(|count| match noise.below(4) {
        0 => noise.below(count + 1) as u16,
        _ => ALWAYS,
    });
    // Names that make the library necessary come seldom.
    let mut name = names[noise.below(names.len())];
    if matches!(name, "Event" | "DataItem") && noise.below(8) > 0 {
        name = "X";
    }
    c.open(name, depends);
    for _ in 0..noise.below(3) {
        let attributes = ["Name", "Name", "UserID", "ProcessID", "xmlns", "Type", "a:b", "other"];
        c.attribute(attributes[noise.below(attributes.len())]);
        for _ in 0..[0, 1, 1, 1, 1, 2][noise.below(6)] {
            let values = values.filter(|_| noise.below(3) == 0);
            text_or_value(c, noise, values);
        }
    }
    if noise.below(6) == 0 {
        return c.token(EMPTY);
    }
    c.token(START);
    match noise.below(4) {
        0 => {}
        1 if depth < 4 => {
            for _ in 0..1 + noise.below(4) {
                match noise.below(8) {
                    0 => text_or_value(c, noise, values),
                    _ => element(c, noise, values, depth + 1, NAMES),
                }
            }
        }
        2 => {
            for _ in 0..noise.below(4) {
                text_or_value(c, noise, values);
            }
        }
        _ => text_or_value(c, noise, values),
    }
    c.token(END);
}

fn text_or_value(c: &mut Chunk, noise: &mut Noise, values: Option<usize>) {
    match (values, noise.below(8)) {
        (Some(count), 0..5) => {
            c.token(if noise.below(2) == 0 { 0x0D } else { 0x0E });
            c.u16(noise.below(count + 1) as u16);
            c.token(1);
        }
        (_, 5) => {
            c.token(9);
            c.reference(["amp", "lt", "quot", "other"][noise.below(4)]);
        }
        (_, 6) => {
            c.token(8);
            c.u16([0x41, 0xE9, 9, 0x20AC, 1, 0xD800][noise.below(6)]);
        }
        (_, 7) => c.text(""),
        _ => c.text(["text", " ", "é & <b>", "\t1\r\n"][noise.below(4)]),
    }
}

fn values(noise: &mut Noise, depth: usize) -> Vec<Value<'static>> {
    (0..noise.below(8)).map(|_| value(noise, depth)).collect()
}

fn value(noise: &mut Noise, depth: usize) -> Value<'static> {
    let bytes = |n: usize, noise: &mut Noise| (0..n).map(|_| noise.below(256) as u8).collect::<Vec<u8>>();
    match noise.below(16) {
        0 => NULL(),
        1 => string(""),
        2 => strings(&["a", "b", ""][..noise.below(4)]),
        3 => Value::Plain(6, bytes(2, noise)),
        4 => Value::Plain(8, bytes(4, noise)),
        5 => Value::Plain(21, bytes(8, noise)),
        6 => Value::Plain(15, bytes(16, noise)),
        7 => Value::Plain(2, bytes(5, noise)),
        8 => {
            let size = noise.below(6);
            Value::Plain(14, bytes(size, noise))
        }
        9 => Value::Plain(0x21, Vec::new()),
        10 => {
            let (kind, size) = (noise.below(0x30) as u8, noise.below(9));
            Value::Plain(kind, bytes(size, noise))
        }
        11 | 12 if depth < 2 => {
            let mut noise = Noise(noise.below(1 << 30) as u64);
            Value::Nested(Box::new(move |c: &mut Chunk| {
                if noise.below(3) == 0 {
                    for _ in 0..noise.below(3) {
                        element(c, &mut noise, None, 1, &["EventData", "X", "Data"]);
                    }
                    return c.token(0);
                }
                let values = values(&mut noise, depth + 1);
                let count = values.len();
                c.instance(
                    |c| element(c, &mut noise, Some(count), 1, &["EventData", "Wrapper", "Data"]),
                    values,
                );
            }))
        }
        _ => string(
            [
                "plain",
                "longer text of more than sixteen characters",
                "é\u{1}😀",
                "a\0b",
            ][noise.below(4)],
        ),
    }
}
