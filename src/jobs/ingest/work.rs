//! Work that waits for a thread, and how much of it is under way.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue whose end can be waited for.
pub(super) struct Work<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    running: usize,
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                running: 0,
            }),
            done: Condvar::new(),
        }
    }
}

impl<T> Work<T> {
    /// Adds an item; how many there are now that are not done.
    pub(super) fn put(&self, item: T) -> usize {
        let mut state = self.state();
        state.waiting.push_back(item);
        state.waiting.len() + state.running
    }

    /// Does the item that waits longest; whether there was one.
    pub(super) fn one(&self, work: impl FnOnce(T)) -> bool {
        let next = {
            let mut state = self.state();
            let next = state.waiting.pop_front();
            state.running += usize::from(next.is_some());
            next
        };
        let Some(item) = next else { return false };
        let _ended = Ended(self);
        work(item);
        true
    }

    /// Does all items that wait, then waits for those that other threads do. Those must not wait for other work of the pool.
    pub(super) fn all(&self, work: impl Fn(T)) {
        while self.one(&work) {}
        let mut state = self.state();
        while state.running > 0 {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an item as done, also where its work panicked: nobody waits for ever.
struct Ended<'w, T>(&'w Work<T>);

impl<T> Drop for Ended<'_, T> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_end_is_waited_for_whoever_does_the_work() {
        let (work, done) = (Work::default(), AtomicUsize::new(0));
        for n in 1..=50 {
            assert_eq!(work.put(n), n);
        }
        let slowly = |n: usize| {
            std::thread::sleep(std::time::Duration::from_micros(100));
            done.fetch_add(n, Ordering::Relaxed);
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| while work.one(slowly) {});
            }
            work.all(slowly);
            assert_eq!(done.load(Ordering::Relaxed), 50 * 51 / 2);
        });
        assert!(!work.one(slowly));
    }

    #[test]
    fn work_that_panics_is_done_too() {
        let work = Work::default();
        work.put(());
        std::thread::scope(|scope| {
            let broken = scope.spawn(|| work.one(|()| panic!("broken")));
            assert!(broken.join().is_err());
        });
        work.all(|()| {});
    }
}
