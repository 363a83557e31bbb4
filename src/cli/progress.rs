//! The progress bar: bytes read, rate and time left, in total and of the files that take longest, on terminals only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::args::SayArgs;
use crate::base::text::for_terminal;
use crate::jobs::progress::{FileProgress, Progress};

/// While bytes are read.
const BAR: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// While nobody knows the end: behind the reading, or with a pipe.
const SPINNER: &str = "{spinner} {msg}, {elapsed} so far";
/// Files that get a line of their own.
const FILES: usize = 3;
/// A file that takes longer than so many seconds gets a line.
const SLOW: f64 = 2.0;

/// Shows a job's progress until it is dropped.
pub struct Shown {
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shown {
    /// Starts showing, where stderr is a terminal and nobody asked for silence.
    pub fn start(say: SayArgs) -> Self {
        let progress = Arc::new(Progress::default());
        let stop = Arc::new(AtomicBool::new(false));
        let wanted = !say.quiet && !say.no_progress && std::io::stderr().is_terminal();
        let thread = wanted.then(|| {
            let (progress, stop) = (Arc::clone(&progress), Arc::clone(&stop));
            std::thread::spawn(move || show(&progress, &stop))
        });
        Self { progress, stop, thread }
    }

    /// The counters the job raises.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(t) = self.thread.take() {
            // A bar that failed is no reason to fail.
            let _ = t.join();
        }
    }
}

fn show(progress: &Progress, stop: &AtomicBool) {
    let all = MultiProgress::new();
    let bar = all.add(ProgressBar::new(0));
    let mut shape = "";
    let mut lines: Vec<ProgressBar> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let (done, total, records, stage) = progress.read();
        bar.set_length(total);
        bar.set_position(done.min(total));
        bar.set_message(format!("{stage}, {records} records"));
        // Behind the reading nobody knows how long it takes: a full bar without time left would not be true.
        let wanted = if done < total { BAR } else { SPINNER };
        if shape != wanted
            && let Ok(style) = ProgressStyle::with_template(wanted)
        {
            bar.set_style(style);
            shape = wanted;
        }
        bar.tick();
        let slow = slowest(progress.files());
        while lines.len() > slow.len() {
            lines.pop().iter().for_each(ProgressBar::finish_and_clear);
        }
        while lines.len() < slow.len() {
            let line = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {wide_msg}") {
                line.set_style(style);
            }
            lines.push(line);
        }
        for (line, file) in lines.iter().zip(&slow) {
            line.set_message(one_line(file));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    lines.iter().for_each(ProgressBar::finish_and_clear);
    bar.finish_and_clear();
}

/// The files with the longest time left, as far as their rate so far tells.
fn slowest(mut files: Vec<FileProgress>) -> Vec<FileProgress> {
    let left = |f: &FileProgress| f.total.saturating_sub(f.done) as f64 * f.seconds / f.done.max(1) as f64;
    files.retain(|f| f.seconds >= SLOW);
    files.sort_by(|a, b| left(b).total_cmp(&left(a)).then_with(|| a.name.cmp(&b.name)));
    files.truncate(FILES);
    files
}

fn one_line(f: &FileProgress) -> String {
    let name = for_terminal(&f.name);
    let rate = HumanBytes((f.done as f64 / f.seconds.max(0.001)) as u64);
    match f.total {
        // A pipe: nobody knows its end.
        0 => format!("{} at {rate}/s  {name}", HumanBytes(f.done)),
        total => {
            let done = f.done.min(total);
            format!(
                "{:3} % of {} at {rate}/s  {name}",
                done * 100 / total,
                HumanBytes(total)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, done: u64, total: u64, seconds: f64) -> FileProgress {
        FileProgress {
            name: name.to_owned(),
            done,
            total,
            seconds,
        }
    }

    #[test]
    fn the_files_that_take_longest_are_named_and_quick_ones_are_not() {
        let files = vec![
            file("quick", 1, 100, 0.5),
            file("nearly done", 99, 100, 9.0),
            file("slow\x1b[2J", 10 << 20, 1 << 30, 10.0),
        ];
        let lines: Vec<String> = slowest(files).iter().map(one_line).collect();
        let slow = "  0 % of 1.00 GiB at 1.00 MiB/s  slow\\x1b[2J";
        assert_eq!(lines, [slow, " 99 % of 100 B at 11 B/s  nearly done"]);
        assert_eq!(one_line(&file("-", 2048, 0, 2.0)), "2.00 KiB at 1.00 KiB/s  -");
    }
}
