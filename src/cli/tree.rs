//! `coldtrail tree`: processes of a host, above and below.

use std::fmt::Write;

use serde_json::json;

use super::args::{Shape, TreeArgs};
use super::exit::Exit;
use super::hunt::now;
use super::print;
use super::table::{self, terminal_width, wants_colour};
use crate::base::error::Result;
use crate::base::text::{basename, cut_cells, for_terminal};
use crate::base::time::format_rfc3339;
use crate::jobs::tree::{self, Branch};
use crate::lake::Lake;

/// Runs the command.
pub fn run(args: &TreeArgs) -> Result<Exit> {
    let range = args.range.range(now())?;
    let found = Lake::read(&args.lake, |lake| {
        tree::tree(lake, &args.host, args.process.as_deref(), range)
    })?;
    let shown = match args.limit {
        0 => found.branches.as_slice(),
        n => found.branches.get(..n).unwrap_or(&found.branches),
    };
    let text = match args.format {
        Shape::Table => drawn(shown, terminal_width(), wants_colour()),
        Shape::Csv => csv(&found.host, shown)?,
        Shape::Jsonl => jsonl(&found.host, shown),
    };
    print(&text);
    for w in &found.warnings {
        eprintln!("warning: {}", for_terminal(w));
    }
    eprintln!("{}: {} processes", for_terminal(&found.host), found.branches.len());
    if shown.len() < found.branches.len() {
        eprintln!(
            "{} more; name a --process, or say --limit 0",
            found.branches.len() - shown.len()
        );
    }
    Ok(Exit::Done)
}

fn drawn(branches: &[Branch], width: Option<usize>, colour: bool) -> String {
    let mut out = String::new();
    for b in branches {
        let (above, here) = lines(&b.more);
        let start = b.start.map_or_else(|| " ".repeat(19), second);
        let pid = b.pid.map_or_else(|| "?".to_owned(), |p| p.to_string());
        let command = if b.cmdline.is_empty() {
            b.image.as_str()
        } else {
            b.cmdline.as_str()
        };
        let user = if b.user.is_empty() {
            String::new()
        } else {
            format!(" {}", b.user)
        };
        let name = if b.image.is_empty() {
            "(unknown)"
        } else {
            basename(&b.image)
        };
        let text = for_terminal(&format!("{name} [{pid}]{user}: {command}")).into_owned();
        let line = format!("{start}  {here}{text}");
        let line = width.map_or(line.clone(), |w| cut_cells(&line, w).into_owned());
        let _ = match (b.asked, colour) {
            (true, true) => writeln!(out, "\x1b[1m{line}\x1b[0m"),
            _ => writeln!(out, "{line}"),
        };
        for d in &b.decoded {
            let line = format!("{}  {above}    ⇒ {}", " ".repeat(19), for_terminal(d.trim()));
            let _ = writeln!(
                out,
                "{}",
                width.map_or(line.clone(), |w| cut_cells(&line, w).into_owned())
            );
        }
    }
    out
}

/// The lines in front of what belongs to a process, and in front of the process itself.
fn lines(more: &[bool]) -> (String, String) {
    let bar = |m: &bool| if *m { "│  " } else { "   " };
    let above: String = more.iter().map(bar).collect();
    let Some((last, before)) = more.split_last() else {
        return (above, String::new());
    };
    let mut here: String = before.iter().map(bar).collect();
    here.push_str(if *last { "├─ " } else { "└─ " });
    (above, here)
}

fn second(ts: i64) -> String {
    format_rfc3339(ts).replacen('T', " ", 1).chars().take(19).collect()
}

fn csv(host: &str, branches: &[Branch]) -> Result<String> {
    let headers = [
        "host",
        "depth",
        "start",
        "end",
        "pid",
        "parent_pid",
        "guid",
        "user",
        "image",
        "cmdline",
        "decoded",
        "asked",
    ];
    let time = |t: Option<i64>| t.map_or_else(String::new, format_rfc3339);
    let number = |n: Option<u32>| n.map_or_else(String::new, |n| n.to_string());
    let rows: Vec<Vec<String>> = branches
        .iter()
        .map(|b| {
            vec![
                host.to_owned(),
                b.depth.to_string(),
                time(b.start),
                time(b.end),
                number(b.pid),
                number(b.parent_pid),
                b.guid.clone(),
                b.user.clone(),
                b.image.clone(),
                b.cmdline.clone(),
                b.decoded.join(" ⇒ "),
                b.asked.to_string(),
            ]
        })
        .collect();
    table::csv(&headers, &rows)
}

fn jsonl(host: &str, branches: &[Branch]) -> String {
    let mut out = String::new();
    for b in branches {
        let line = json!({"host": host, "depth": b.depth, "start": b.start.map(format_rfc3339),
            "end": b.end.map(format_rfc3339), "pid": b.pid, "parent_pid": b.parent_pid, "guid": b.guid,
            "user": b.user, "image": b.image, "cmdline": b.cmdline, "decoded": b.decoded, "asked": b.asked});
        let _ = writeln!(out, "{line}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_drawn_under_their_parents_and_fit() {
        let b = |more: &[bool], pid, cmdline: &str| Branch {
            more: more.to_vec(),
            depth: more.len(),
            pid: Some(pid),
            image: r"C:\x\a.exe".to_owned(),
            cmdline: cmdline.to_owned(),
            ..Branch::default()
        };
        let mut all = vec![
            b(&[], 1, "a"),
            b(&[true], 2, "b"),
            b(&[true, false], 3, &"c".repeat(99)),
            b(&[false], 4, "\x1b[0m"),
        ];
        all[2].decoded = vec!["IEX".to_owned()];
        let text = drawn(&all, Some(80), false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].contains("├─ a.exe [2]") && lines[2].contains("│  └─ a.exe [3]"),
            "{text}"
        );
        assert!(
            lines[3].contains("⇒ IEX") && lines[4].contains("└─ a.exe [4]"),
            "{text}"
        );
        assert!(lines.iter().all(|l| l.chars().count() <= 80) && !text.contains('\x1b'));
    }
}
