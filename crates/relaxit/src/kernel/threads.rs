//! Loops over tasks, on all threads.

use std::sync::{Mutex, PoisonError};

/// Does every task, on all threads if there are several tasks; one alone starts no threads.
///
/// The calling thread works too, and does not sleep while others are woken, which takes as long as many a kernel: a task
/// is done by whoever is free first.
pub(crate) fn in_parallel<T>(tasks: impl ExactSizeIterator<Item = T> + Send, run: impl Fn(T) + Sync) {
    if tasks.len() <= 1 {
        return tasks.for_each(run);
    }
    let helpers = rayon::current_num_threads().min(tasks.len()) - 1;
    let tasks = Mutex::new(tasks);
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(task) = next() {
            run(task);
        }
    };
    rayon::in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| work());
        }
        work();
    });
}
