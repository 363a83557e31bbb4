//! `coldtrail ingest`.

use super::args::IngestArgs;
use super::exit::Exit;
use super::plan;
use super::progress::Shown;
use super::scope::size;
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::jobs::ingest::{self, IngestReport};
use crate::lake::Lake;

/// Share of rejected records, or of their bytes, in one input above which a run counts as incomplete.
const REJECTED_SHARE: f64 = 0.05;

/// Runs the command.
pub fn run(args: &IngestArgs) -> Result<Exit> {
    args.read.set_threads();
    if args.dry_run {
        return plan::run(&args.input, &args.lake, &args.read);
    }
    let found = ingest::find(&args.input)?;
    let mut lake = Lake::open_for_writing(&args.lake)?;
    let shown = Shown::start(args.say);
    let report = ingest::ingest(&mut lake, &found, &args.read.options(), shown.progress())?;
    drop(shown);
    if !args.say.quiet {
        say(&report);
    }
    Ok(exit(&report, args.read.lenient))
}

/// How a run ends by what it could read.
pub fn exit(report: &IngestReport, lenient: bool) -> Exit {
    let rejected = !lenient && report.mostly_rejected(REJECTED_SHARE).next().is_some();
    match report.unreadable.is_empty() && !rejected {
        true => Exit::Done,
        false => Exit::Incomplete,
    }
}

/// Tells people what was read.
pub fn say(report: &IngestReport) {
    let sum = |f: fn(&crate::lake::catalogue::Input) -> u64| report.inputs.iter().map(f).sum::<u64>();
    eprintln!(
        "read {} inputs: {} records, {} new, {} known already, {} rejected",
        report.inputs.len(),
        sum(|i| i.records),
        sum(|i| i.stored),
        sum(|i| i.duplicates),
        sum(|i| i.rejected),
    );
    let mut expired = report.inputs.iter().filter(|i| i.expired_before.is_some());
    if let Some(first) = expired.next() {
        eprintln!(
            "{} of the inputs known already had days that `coldtrail lake expire` dropped, which are not read again, {} among \
             them; to have them back, ingest into a new lake (--lake)",
            expired.count() + 1,
            for_terminal(&first.path)
        );
    }
    for line in resumed(report).iter().take(20) {
        eprintln!("{}", for_terminal(line));
    }
    for line in report.unreadable.iter().take(20) {
        eprintln!("not (fully) read: {}", for_terminal(line));
    }
    if report.unreadable.len() > 20 {
        eprintln!("… and {} more, see run.json", report.unreadable.len() - 20);
    }
    for input in report.mostly_rejected(REJECTED_SHARE) {
        let next = match input.is_known {
            true => "rejects.jsonl of the run that read it first names them",
            false => "see rejects.jsonl, or say --format if it was taken for the wrong one",
        };
        eprintln!(
            "{}: {} of {} records rejected, {} of {}; {next} ({})",
            for_terminal(&input.path),
            input.rejected,
            input.records,
            size(input.rejected_bytes),
            size(input.bytes),
            input.format
        );
    }
}

/// What was taken over from runs that were killed, and what could not be.
pub fn resumed(report: &IngestReport) -> Vec<String> {
    let all = |input: &str| report.inputs.iter().find(|i| i.path == input).map_or(0, |i| i.bytes);
    let resumed = report.resumed.iter().map(|r| {
        let (at, of) = (size(r.offset), size(all(&r.input)));
        format!(
            "{}: resumed at {at} of {of}, {} records were read before",
            r.input, r.records
        )
    });
    resumed.chain(report.notices.iter().cloned()).collect()
}
