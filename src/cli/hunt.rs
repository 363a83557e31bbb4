//! `coldtrail hunt`: the main job.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::args::HuntArgs;
use super::exit::Exit;
use super::progress::Shown;
use super::{ingest as ingest_command, plan, print, table};
use crate::base::error::{Error, Result};
use crate::base::text::for_terminal;
use crate::base::time::format_rfc3339;
use crate::jobs::baseline::{self, Baseline};
use crate::jobs::hunt::{self, HuntOptions};
use crate::jobs::ingest::{self, IngestReport};
use crate::jobs::outputs;
use crate::lake::Lake;
use crate::lake::catalogue::Input;
use crate::report::run::{InputReport, RejectReport, RunSummary};
use crate::report::{Results, lang, terminal};
use crate::score::finding::Finding;
use crate::signals::Level;

/// Folder of the embedded lake within OUT.
pub(super) const EMBEDDED_LAKE: &str = "cache/lake";

/// Runs the command.
pub fn run(args: &HuntArgs) -> Result<Exit> {
    let started = now();
    let clock = Instant::now();
    args.read.set_threads();
    // Everything the user gave is checked before any work begins.
    let options = HuntOptions {
        memory_limit: Some(args.read.memory_limit),
        ..args.select.options(started)?
    };
    let prepared = hunt::prepare(&options, started)?;
    if let (true, Some(first)) = (args.read.strict, prepared.sigma().rejected.first()) {
        return Err(Error::Usage(format!("--strict: {first}")));
    }
    let root = args.lake.clone().unwrap_or_else(|| args.out.join(EMBEDDED_LAKE));
    if args.dry_run {
        return plan::run(&args.input, &root, &args.read);
    }
    let found = match args.input.is_empty() {
        true => None,
        false => Some(ingest::find(&args.input)?),
    };
    // Read before anything is written: the folder may be that of the outputs.
    let baseline = baseline(args)?;
    let out = outputs::claim(&args.out)?;
    let shown = Shown::start(args.say);
    let hunt = |lake: &Lake| hunt::hunt(lake, &options, &prepared, shown.progress());
    let (report, read_seconds, mut results) = match found {
        None => (IngestReport::default(), 0.0, Lake::read(&root, hunt)?),
        Some(found) => {
            let mut lake = Lake::open_for_writing(&root)?;
            let report = ingest::ingest(&mut lake, &found, &args.read.options(), shown.progress())?;
            (report, clock.elapsed().as_secs_f64(), hunt(&lake)?)
        }
    };
    let run = &mut results.run;
    run.timings.insert("read".to_owned(), read_seconds);
    run.timings.insert("total".to_owned(), clock.elapsed().as_secs_f64());
    run.started = format_rfc3339(started);
    run.finished = format_rfc3339(now());
    run.command_line = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    run.peak_memory = peak_memory();
    let exit = ingest_command::exit(&report, args.read.lenient);
    fill(run, &report);
    settings(run, args);
    if let Some(baseline) = baseline {
        baseline::compare(&mut results, baseline);
    }
    let failing = args
        .fail_on
        .is_some_and(|limit| counted(&results.findings, args).any(|f| at_least(f, limit)));
    results.lang = args.lang;
    lang::translate(&mut results);
    outputs::write(&results, &out)?;
    drop(shown);
    if !args.say.quiet {
        if !args.input.is_empty() {
            ingest_command::say(&report);
        }
        for w in &results.run.warnings {
            eprintln!("warning: {}", for_terminal(w));
        }
        for r in &results.run.sigma.rejected {
            eprintln!("rule not usable: {}", for_terminal(r));
        }
        print(&ranked(&results, args));
        eprintln!("written to {}", args.out.display());
    }
    Ok(match (exit, failing) {
        (Exit::Done, true) => Exit::Findings,
        (exit, _) => exit,
    })
}

/// The run to compare with: one that is named must be there, the last one need not.
fn baseline(args: &HuntArgs) -> Result<Option<Baseline>> {
    match (&args.baseline, args.since_last) {
        (Some(dir), _) => baseline::load(dir).map(Some),
        (None, true) => baseline::load_last(&args.out).map(Some),
        (None, false) => Ok(None),
    }
}

/// The findings that count: with `--since-last` what is new or changed, else all that are there.
fn counted<'a>(findings: &'a [Finding], args: &HuntArgs) -> impl Iterator<Item = &'a Finding> + use<'a> {
    let since_last = args.since_last;
    findings.iter().filter(move |f| match f.status.as_deref() {
        Some("gone") => false,
        Some("ongoing") => !since_last,
        _ => true,
    })
}

fn at_least(f: &Finding, limit: Level) -> bool {
    Level::parse(&f.severity).is_some_and(|l| l >= limit)
}

fn ranked(results: &Results, args: &HuntArgs) -> String {
    let (width, colour) = (table::terminal_width().unwrap_or(120), table::wants_colour());
    if results.run.baseline.is_none() {
        return terminal::table(results, width, colour);
    }
    let shown = Results {
        findings: counted(&results.findings, args).cloned().collect(),
        run: results.run.clone(),
        lang: results.lang,
        ..Results::default()
    };
    terminal::table(&shown, width, colour) + &terminal::since(results)
}

fn fill(run: &mut RunSummary, report: &IngestReport) {
    run.inputs = report.inputs.iter().map(input).collect();
    run.unreadable.clone_from(&report.unreadable);
    run.skipped.clone_from(&report.skipped);
    run.resumed = ingest_command::resumed(report);
    run.rejects = report
        .rejects
        .iter()
        .map(|r| RejectReport {
            source_file: r.input.clone(),
            offset: r.reject.offset,
            reason: r.reject.reason.clone().into_owned(),
            head: r.reject.head.clone(),
        })
        .collect();
}

fn input(i: &Input) -> InputReport {
    InputReport {
        path: i.path.clone(),
        format: i.format.clone(),
        content_id: i.content_id.clone(),
        sha256: i.sha256.clone(),
        bytes: i.bytes,
        records: i.records,
        stored: i.stored,
        duplicates: i.duplicates,
        rejected: i.rejected,
        rejected_bytes: i.rejected_bytes,
        first: i.first.map(format_rfc3339),
        last: i.last.map(format_rfc3339),
        hosts: i.hosts.clone(),
        time_quality: i.time_quality.iter().cloned().collect(),
        notes: i.notes.clone(),
    }
}

fn settings(run: &mut RunSummary, args: &HuntArgs) {
    let mut set = |name: &str, value: String| {
        run.settings.insert(name.to_owned(), value);
    };
    set("threads", rayon::current_num_threads().to_string());
    set("memory-limit", args.read.memory_limit.to_string());
    for (name, value) in [
        ("from", &args.select.from),
        ("to", &args.select.to),
        ("format", &args.read.format),
        ("baseline", &args.baseline.as_ref().map(|d| d.display().to_string())),
    ] {
        if let Some(v) = value {
            set(name, v.clone());
        }
    }
    for (source, zone) in &args.read.tz {
        set(&format!("tz {source}"), zone.to_string());
    }
}

pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}

/// Bytes of resident memory at the peak, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
        let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    }
    #[cfg(not(target_os = "linux"))]
    None
}
