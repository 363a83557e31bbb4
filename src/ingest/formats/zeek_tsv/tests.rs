use super::*;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::Cells;
use crate::schema::{Col, common, network};

const CONN: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #fields\tts\tuid\tid.orig_h\tid.resp_h\ttunnel_parents\n#types\ttime\tstring\taddr\taddr\tset[string]\n";

fn sink() -> Sink<'static> {
    Sink::new(RecordContext {
        input: 1,
        format: "zeek-tsv",
        fallback_time: 7,
        zone: None,
        input_host: None,
    })
}

fn run(bytes: &[u8], carry: &Carry) -> Sink<'static> {
    let mut sink = sink();
    ZeekTsv.decode(
        &Block {
            bytes,
            ..Block::default()
        },
        carry,
        &mut sink,
    );
    sink
}

fn dict(sink: Sink<'_>, col: Col) -> Vec<String> {
    let builder = sink
        .rows
        .into_builders()
        .find(|b| b.table().name == network::TABLE.name)
        .unwrap();
    let (_, _, cells) = builder.finish();
    match &cells[col.0 as usize] {
        Cells::Dict { codes, values } => codes.iter().map(|c| values.get(*c).to_owned()).collect(),
        _ => panic!("not a dictionary"),
    }
}

#[test]
fn a_header_in_mid_file_replaces_the_one_before() {
    let second = CONN.replace("uid\tid.orig_h", "id.orig_h\tuid");
    let text = format!("{CONN}1.5\tC1\t10.0.0.1\t8.8.8.8\t-\n{second}2.5\t10.0.0.2\tC2\t8.8.8.8\t(empty)\n");
    let sink = run(text.as_bytes(), &Carry::default());
    assert_eq!((sink.records, sink.rejects.len()), (2, 0));
    assert_eq!(dict(sink, common::HOST), ["ip:10.0.0.1", "ip:10.0.0.2"]);
}

#[test]
fn later_blocks_know_the_header_of_earlier_ones() {
    let mut carry = Carry::default();
    ZeekTsv.carry(
        &Block {
            bytes: CONN.as_bytes(),
            offset: 0,
            ..Block::default()
        },
        &mut carry,
    );
    ZeekTsv.carry(
        &Block {
            bytes: b"1\tC\t10.0.0.1\t8.8.8.8\t-\n#close\tx\n",
            offset: 9,
            ..Block::default()
        },
        &mut carry,
    );
    let sink = run(b"1.5\tC1\t10.0.0.1\t8.8.8.8\t-\n", &carry);
    assert_eq!((sink.records, sink.rejects.len()), (1, 0));
}

#[test]
fn cut_lines_are_rejects_and_nothing_is_lost() {
    let text = format!("{CONN}1.5\tC1\t10.0.0.1\t8.8.8.8\t-\n1.6\tC2\t10.0");
    let sink = run(text.as_bytes(), &Carry::default());
    assert_eq!((sink.records, sink.rows.rows(), sink.rejects.len()), (2, 1, 1));
    assert!(sink.rejects[0].reason.contains("3 columns where #fields names 5"));
    let sink = run(b"1.5\tC1\n", &Carry::default());
    assert!(sink.rejects[0].reason.contains("no #fields"));
}

#[test]
fn escapes_are_undone_and_items_kept_apart() {
    assert_eq!(unescape("\\\\\\\\srv\\\\C$"), "\\\\srv\\C$");
    assert_eq!(unescape("a\\x2cb\\x2d"), "a,b-");
    assert_eq!(unescape("\\xff\\xfe"), "\\xff\\xfe");
    assert_eq!(unescape("end\\"), "end\\");
    let h = Header::default();
    assert_eq!(h.container("a\\x2cb,c"), Value::Raw("[\"a,b\",\"c\"]".into()));
    assert_eq!(h.container("a,c"), Value::str("a,c"));
}

#[test]
fn separators_are_obeyed() {
    let text = "#separator ,\n#set_separator,|\n#unset_field,NONE\n#path,conn\n#fields,ts,uid,id.orig_h,id.resp_h\n1.5,NONE,10.0.0.9,8.8.8.8\n";
    for text in [text, &text.replace(',', "é")] {
        let sink = run(text.as_bytes(), &Carry::default());
        assert_eq!(dict(sink, common::HOST), ["ip:10.0.0.9"]);
    }
}
