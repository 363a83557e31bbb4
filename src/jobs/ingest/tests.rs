use super::*;

fn report(input: Input) -> IngestReport {
    IngestReport {
        inputs: vec![input],
        ..IngestReport::default()
    }
}

#[test]
fn a_piece_of_megabytes_is_one_reject_and_counts_by_its_bytes() {
    let of = |rejected, rejected_bytes| {
        let input = Input {
            bytes: 1000,
            records: 100,
            rejected,
            rejected_bytes,
            ..Input::default()
        };
        report(input).mostly_rejected(0.05).count()
    };
    assert_eq!((of(5, 50), of(6, 6), of(1, 51)), (0, 1, 1));
    assert_eq!(report(Input::default()).mostly_rejected(0.05).count(), 0);
}

#[test]
fn an_input_that_was_cut_while_it_was_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live.json");
    let line = r#"{"EventTime":"2024-05-05 10:00:00","Hostname":"WS1","SourceName":"Microsoft-Windows-Sysmon","EventID":5,"ProcessId":4,"Image":"C:\\a.exe"}"#;
    std::fs::write(&path, format!("{line}\n")).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let lost = |found: u64| {
        let mut lake = Lake::open_for_writing(&dir.path().join(found.to_string())).unwrap();
        let files = vec![(path.clone(), found)];
        read(&mut lake, files, &IngestOptions::default(), &Progress::default()).unwrap()
    };
    assert_eq!(lost(size).unreadable.len(), 0);
    let cut = lost(size * 3);
    assert!(
        cut.unreadable[0].contains("live.json: it was cut from"),
        "{:?}",
        cut.unreadable
    );
    assert_eq!((cut.inputs[0].records, cut.inputs[0].notes.len()), (1, 1));
}
