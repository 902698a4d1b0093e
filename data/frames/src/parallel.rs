//! Work on several cores, results in order.

use std::sync::{Mutex, PoisonError};
use std::thread;

use qt_data::threads::at_most;

use crate::error::FramesError;

/// Threads that share the work at most: the disk and the memory are busy with fewer already.
const THREADS_MAX: usize = 8;

/// Does `work` on every one of `jobs` and gives the results in the order of the jobs, with at most
/// `limit` threads (0: all cores). After an error no new job is begun.
///
/// # Errors
/// The error of the earliest job that failed.
pub fn in_parallel<J: Send, R: Send>(
    limit: usize,
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<R, FramesError> + Sync,
) -> Result<Vec<R>, FramesError> {
    let threads = at_most(limit).min(THREADS_MAX).min(jobs.len());
    if threads <= 1 {
        return jobs.into_iter().map(work).collect();
    }
    let count = jobs.len();
    let todo = Mutex::new(jobs.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(count));
    let run = || {
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, job)) = next else { return };
            let result = work(job);
            let failed = result.is_err();
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
            if failed {
                // Takes the rest away from all threads.
                todo.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        for limit in [0, 1, 2] {
            let squares = in_parallel(limit, (0..1_000_u64).collect(), |job| Ok(job * job));
            let want: Vec<u64> = (0..1_000).map(|job| job * job).collect();
            assert_eq!(squares.unwrap(), want);
        }
        assert!(in_parallel(0, Vec::<u8>::new(), Ok).unwrap().is_empty());
    }

    #[test]
    fn one_thread_is_the_caller() {
        let here = thread::current().id();
        let ids = in_parallel(1, (0..50).collect(), |_: u8| Ok(thread::current().id())).unwrap();
        assert!(ids.iter().all(|id| *id == here));
    }

    #[test]
    fn an_error_ends_it() {
        let error = in_parallel(0, (0..100).collect(), |job| match job {
            7 => Err(FramesError::usage("seven", "Leave it away")),
            job => Ok(job),
        });
        assert_eq!(error.unwrap_err().to_string(), "seven. Leave it away");
    }
}
