use std::io::Write;

use ::zip::unstable::write::FileOptionsExt as _;
use ::zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

const TEXT: &[u8] = b"Jan 22 07:52:33 host sshd[1]: one\nJan 22 07:52:34 host sshd[1]: two\n";

fn gz(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn tar_header(name: &str, size: usize, kind: u8) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar  \0");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn tar_entry(name: &str, data: &[u8], kind: u8) -> Vec<u8> {
    let mut out = tar_header(name, data.len(), kind);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn zip_of(members: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, data) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

type Seen = Vec<(String, Vec<u8>)>;

fn open_path(path: &Path, options: &OpenOptions) -> (Seen, Vec<Note>) {
    let mut seen = Seen::new();
    let notes = open(path, options, &|_| {}, &mut |member| {
        let mut data = Vec::new();
        match member.body {
            Body::Bytes(bytes) => data.extend_from_slice(&bytes),
            Body::Reader(reader) => drop(reader.read_to_end(&mut data)?),
        }
        seen.push((member.name, data));
        Ok(())
    });
    (seen, notes.unwrap())
}

/// Members and notes of an input, with the temporary path cut off the names.
fn open_bytes(data: &[u8], options: &OpenOptions) -> (Seen, Vec<Note>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in");
    std::fs::write(&path, data).unwrap();
    let (mut seen, mut notes) = open_path(&path, options);
    let prefix = format!("{}/", dir.path().display());
    seen.iter_mut().for_each(|(name, _)| *name = name.replace(&prefix, ""));
    notes
        .iter_mut()
        .for_each(|note| note.place = note.place.replace(&prefix, ""));
    (seen, notes)
}

fn defaults() -> OpenOptions {
    OpenOptions::default()
}

#[test]
fn every_compression_is_told_by_its_magic() {
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(TEXT).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(TEXT).unwrap();
    let all = [
        TEXT.to_vec(),
        gz(TEXT),
        zstd::encode_all(TEXT, 1).unwrap(),
        bz2.finish().unwrap(),
        xz.finish().unwrap(),
    ];
    for data in all {
        let (seen, notes) = open_bytes(&data, &defaults());
        assert_eq!(seen, [("in".to_owned(), TEXT.to_vec())]);
        assert_eq!(notes, []);
    }
}

#[test]
fn rotated_gzip_members_are_read_to_the_end() {
    let (seen, notes) = open_bytes(&[gz(TEXT), gz(b"three\n")].concat(), &defaults());
    assert_eq!(seen[0].1, [TEXT, b"three\n"].concat());
    assert_eq!(notes, []);
}

#[test]
fn zeros_behind_the_last_gzip_member_are_padding_and_anything_else_is_damage() {
    let padded = [gz(b"one\n"), vec![0; 70_000], gz(b"two\n"), vec![0; 512]].concat();
    let (seen, notes) = open_bytes(&padded, &defaults());
    assert_eq!((seen[0].1.as_slice(), notes.len()), (&b"one\ntwo\n"[..], 0));
    let (seen, notes) = open_bytes(&[gz(b"one\n"), vec![0, 7]].concat(), &defaults());
    assert_eq!((seen[0].1.as_slice(), notes.len()), (&b"one\n"[..], 1));
}

#[test]
fn truncated_gzip_keeps_what_was_decoded() {
    let long: Vec<u8> = (0..200_000u32)
        .flat_map(|i| format!("{}\n", i.wrapping_mul(2_654_435_761)).into_bytes())
        .collect();
    let whole = gz(&long);
    let (seen, notes) = open_bytes(&whole[..whole.len() / 2], &defaults());
    assert!(long.starts_with(&seen[0].1) && seen[0].1.len() > long.len() / 3);
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].kind, NoteKind::Truncated);
}

#[test]
fn nested_archives_are_named_level_by_level() {
    let tar = [
        tar_entry("./dir/a.log.gz", &gz(TEXT), b'0'),
        tar_entry("dir/", b"", b'5'),
        vec![0; 1024],
    ]
    .concat();
    let (seen, notes) = open_bytes(&gz(&tar), &defaults());
    assert_eq!(seen, [("in!dir/a.log.gz".to_owned(), TEXT.to_vec())]);
    assert_eq!(notes, []);
    let zip = zip_of(
        &[("x.tgz", &gz(&tar)), ("../b.log", TEXT), ("__MACOSX/._b.log", b"x")],
        SimpleFileOptions::default(),
    );
    let (seen, notes) = open_bytes(&zip, &defaults());
    assert_eq!(seen, [("in!__/b.log".to_owned(), TEXT.to_vec())]);
    let places: Vec<_> = notes.iter().map(|n| (n.place.as_str(), n.kind)).collect();
    assert_eq!(
        places,
        [
            ("in!x.tgz!dir/a.log.gz", NoteKind::Unreadable),
            ("in!__MACOSX/._b.log", NoteKind::Skipped)
        ]
    );
}

#[test]
fn zip_inside_gzip_is_read_from_memory_up_to_its_limit() {
    let inner = gz(&zip_of(&[("a.log", TEXT)], SimpleFileOptions::default()));
    assert_eq!(
        open_bytes(&inner, &defaults()).0,
        [("in!a.log".to_owned(), TEXT.to_vec())]
    );
    let (seen, notes) = open_bytes(
        &inner,
        &OpenOptions {
            max_zip_in_memory: 10,
            ..defaults()
        },
    );
    assert_eq!((seen.len(), notes[0].kind), (0, NoteKind::Unreadable));
}

#[test]
fn tar_long_names_and_large_pax_sizes_are_understood() {
    let long = "d/".repeat(90) + "a.log";
    let pax = format!("{} path=p/b.log\n13 size=0068\n", "path=p/b.log\n".len() + 3);
    let mut sized = tar_header("short", 0, b'0');
    sized.extend_from_slice(TEXT);
    sized.resize(sized.len().next_multiple_of(512), 0);
    let pax = pax.replace("0068", &format!("{:04}", TEXT.len()));
    let tar = [
        tar_entry("././@LongLink", format!("{long}\0").as_bytes(), b'L'),
        tar_entry("short", TEXT, b'0'),
        tar_entry("pax", pax.as_bytes(), b'x'),
        sized,
        tar_entry("link", b"", b'2'),
    ]
    .concat();
    let (seen, notes) = open_bytes(&tar, &defaults());
    let names: Vec<_> = seen
        .iter()
        .map(|(name, data)| (name.as_str(), data.as_slice()))
        .collect();
    assert_eq!(names, [(format!("in!{long}").as_str(), TEXT), ("in!p/b.log", TEXT)]);
    assert_eq!((notes.len(), notes[0].kind), (1, NoteKind::Skipped));
}

#[test]
fn damaged_tar_header_is_skipped_and_a_cut_one_ends_with_a_note() {
    let mut tar = [
        tar_entry("a", TEXT, b'0'),
        tar_entry("b", TEXT, b'0'),
        tar_entry("c", TEXT, b'0'),
    ]
    .concat();
    tar[1024 + 3] ^= 0xFF;
    tar.truncate(2048 + 512 + 10);
    let (seen, notes) = open_bytes(&tar, &defaults());
    assert_eq!(seen[0].1, TEXT);
    assert_eq!(seen[1], ("in!c".to_owned(), TEXT[..10].to_vec()));
    assert_eq!(notes.len(), 2);
    assert!(notes.iter().all(|n| n.kind == NoteKind::Truncated));
}

#[test]
fn encrypted_zip_needs_one_of_the_passwords() {
    let aes = SimpleFileOptions::default().with_aes_encryption(::zip::AesMode::Aes256, "infected");
    let old = SimpleFileOptions::default()
        .with_deprecated_encryption(b"infected")
        .unwrap();
    for options in [aes, old] {
        let zip = zip_of(&[("a.log", TEXT)], options);
        let (seen, notes) = open_bytes(&zip, &defaults());
        assert_eq!((seen.len(), notes.len()), (0, 1));
        assert!(notes[0].kind == NoteKind::Unreadable && notes[0].next_step.contains("password"));
        let wrong = OpenOptions {
            passwords: vec!["wrong".into()],
            ..defaults()
        };
        assert_eq!(open_bytes(&zip, &wrong).0.len(), 0);
        let right = OpenOptions {
            passwords: vec!["wrong".into(), "infected".into()],
            ..defaults()
        };
        assert_eq!(open_bytes(&zip, &right).0, [("in!a.log".to_owned(), TEXT.to_vec())]);
    }
}

#[test]
fn zip_members_of_one_name_are_all_read() {
    let deflated = SimpleFileOptions::default();
    let mut zip = zip_of(
        &[
            ("a.log", b"one"),
            ("b.log", b"two"),
            ("c.log", b"three"),
            ("d.log", b"four"),
        ],
        deflated,
    );
    for i in 0..zip.len() - 5 {
        if matches!(&zip[i..i + 5], b"b.log" | b"c.log") {
            zip[i] = b'a';
        }
    }
    for zip in [zip.clone(), [b"#!/bin/sh\n", &zip[..]].concat()] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.zip");
        std::fs::write(&path, &zip).unwrap();
        let source: &mut dyn super::zip::ReadSeek = &mut std::fs::File::open(&path).unwrap();
        let options = defaults();
        let state = State::new(&options);
        let mut seen = Seen::new();
        super::zip::walk(
            &state,
            &mut |member| {
                let mut data = Vec::new();
                if let Body::Reader(reader) = member.body {
                    reader.read_to_end(&mut data)?;
                }
                seen.push((member.name, data));
                Ok(())
            },
            "x",
            source,
            0,
        )
        .unwrap();
        let names: Vec<_> = seen.iter().map(|(n, d)| (n.as_str(), d.as_slice())).collect();
        let want: [(&str, &[u8]); 4] = [
            ("x!a.log", b"one"),
            ("x!a.log~2", b"two"),
            ("x!a.log~3", b"three"),
            ("x!d.log", b"four"),
        ];
        assert_eq!(names, want);
        assert_eq!(state.into_notes(), []);
    }
}

#[test]
fn zip_without_its_directory_is_read_from_the_front() {
    let zip = zip_of(&[("a.log", TEXT), ("b.log", TEXT)], SimpleFileOptions::default());
    let directory = memchr::memmem::find(&zip, b"PK\x01\x02").unwrap();
    let (seen, notes) = open_bytes(&zip[..directory], &defaults());
    assert_eq!(
        seen.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(),
        ["in!a.log", "in!b.log"]
    );
    assert_eq!((seen[1].1.as_slice(), notes.len()), (TEXT, 1));
}

#[test]
fn expansion_stops_at_the_limit() {
    let bomb = gz(&gz(&vec![b'a'; 10 << 20]));
    let (seen, notes) = open_bytes(
        &bomb,
        &OpenOptions {
            max_expanded: 1 << 20,
            ..defaults()
        },
    );
    assert!(seen[0].1.len() <= 1 << 20);
    assert_eq!(notes.iter().map(|n| n.kind).collect::<Vec<_>>(), [NoteKind::Capped]);
}

#[test]
fn empty_file_and_office_document_are_unreadable() {
    let office = zip_of(
        &[("[Content_Types].xml", b"<x/>"), ("xl/a.xml", b"<x/>")],
        SimpleFileOptions::default(),
    );
    for data in [&b""[..], &office] {
        let (seen, notes) = open_bytes(data, &defaults());
        assert_eq!((seen.len(), notes.len(), notes[0].kind), (0, 1, NoteKind::Unreadable));
    }
}

#[test]
fn large_plain_file_is_mapped_and_whole() {
    let data = TEXT.repeat(30_000);
    let (seen, _) = open_bytes(&data, &defaults());
    assert!(seen[0].1 == data);
}

#[test]
fn errors_name_the_file_and_the_member() {
    let missing = open(Path::new("no/such/file"), &defaults(), &|_| {}, &mut |_| Ok(()));
    assert!(missing.unwrap_err().to_string().contains("no/such/file"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.log");
    std::fs::write(&path, TEXT).unwrap();
    let failed = open(&path, &defaults(), &|_| {}, &mut |_| Err("disk full".into()))
        .unwrap_err()
        .to_string();
    assert!(failed.contains("x.log") && failed.contains("disk full"));
}

#[test]
fn real_archives_give_the_same_log() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/formats");
    if !dir.is_dir() {
        eprintln!("skipped: {} is missing", dir.display());
        return;
    }
    let mut contents = Vec::new();
    for ending in ["bz2", "gz", "tar", "tgz", "xz", "zip"] {
        let (seen, notes) = open_path(
            &dir.join(format!("compression/test_data__syslog.{ending}")),
            &defaults(),
        );
        assert_eq!(notes, [], "{ending}");
        let log = seen
            .into_iter()
            .find(|(name, _)| !name.contains('!') || name.ends_with("syslog"));
        contents.push(log.unwrap().1);
    }
    assert!(!contents[0].is_empty() && contents.windows(2).all(|pair| pair[0] == pair[1]));
    let (seen, notes) = open_path(&dir.join("zeek_tsv/data__http.log.corrupt.gz"), &defaults());
    assert!(seen[0].1.starts_with(b"#") && !notes.is_empty());
}

proptest::proptest! {
    #[test]
    fn flipped_bytes_never_panic(at in 0usize..2000, value: u8, which in 0usize..3) {
        let zip = zip_of(&[("a.log", TEXT), ("b.gz", &gz(TEXT))], SimpleFileOptions::default());
        let tar = [tar_entry("a", &gz(TEXT), b'0'), tar_entry("b", TEXT, b'x')].concat();
        let mut data = match which { 0 => zip, 1 => tar, _ => gz(TEXT) };
        let len = data.len();
        data[at % len] = value;
        let _ = open_bytes(&data, &OpenOptions { max_expanded: 1 << 24, ..defaults() });
    }
}
