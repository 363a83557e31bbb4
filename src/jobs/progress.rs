//! How far a job is, for whoever wants to show it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters that the job raises and the terminal reads.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
    records: AtomicU64,
    stage: Mutex<&'static str>,
}

impl Progress {
    /// Sets the bytes to be read.
    pub fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    /// Adds bytes and records that were read.
    pub fn add(&self, bytes: u64, records: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Names what is being done.
    pub fn stage(&self, name: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// (bytes done, bytes in total, records, stage).
    pub fn read(&self) -> (u64, u64, u64, &'static str) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
            self.records.load(Ordering::Relaxed),
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner),
        )
    }
}
