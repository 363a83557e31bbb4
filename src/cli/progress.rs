//! The progress bar: bytes read, rate and time left, on terminals only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::SayArgs;
use crate::jobs::progress::Progress;

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
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    while !stop.load(Ordering::Relaxed) {
        let (done, total, records, stage) = progress.read();
        bar.set_length(total);
        bar.set_position(done.min(total));
        bar.set_message(format!("{stage}, {records} records"));
        std::thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
