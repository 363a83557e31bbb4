//! The tutorial's commands, run one after the other as a reader would.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{json_lines, root};

fn blocks(text: &str) -> Vec<&str> {
    text.split("```sh\n")
        .skip(1)
        .map(|b| b.split("```").next().unwrap())
        .collect()
}

#[test]
fn every_command_of_the_tutorial_runs() {
    let text = fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let blocks = blocks(&text);
    assert!(blocks.len() >= 5);
    let dir = tempfile::tempdir().unwrap();
    symlink(root().join("sample_data"), dir.path().join("sample_data")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_coldtrail"))
        .parent()
        .unwrap()
        .display()
        .to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let mut scoped = false;
    for block in blocks {
        // Without SQL there is no query.
        if cfg!(not(feature = "query")) && block.contains("coldtrail query") {
            continue;
        }
        let done = Command::new("bash")
            .args(["-euc", block])
            .current_dir(dir.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{block}\n{said}");
        if block.contains("command-and-control") {
            let table = String::from_utf8_lossy(&done.stdout);
            assert!(table.contains("pc-takeda") && !table.contains("pc-sato"), "{table}");
            scoped = true;
        }
    }
    assert!(scoped, "the tutorial scopes the domain");
    let findings = json_lines(&dir.path().join("out/findings.jsonl"));
    assert!(findings.iter().all(|f| f["status"] == "ongoing"));
    let japanese = fs::read_to_string(dir.path().join("out-ja/report.md")).unwrap();
    assert!(japanese.contains("最初に見るべきホスト"));
}
