//! Processors of their own for the targets of a comparison and for the tester.
//!
//! A process that is started inherits the processors of the thread that starts it, and so does a thread.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors of this machine in two halves. Of an odd number the tester gets one more.
pub(crate) struct Halves {
    targets: CpuSet,
    tester: CpuSet,
}

impl Halves {
    /// # Errors
    /// When there is only one.
    pub(crate) fn of_machine() -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let (count, mut seen) = (all.count(), 0);
        if count < 2 {
            return Err(io::Error::other("--pin needs two processors at least, and there is one"));
        }
        let mut halves = Self { targets: CpuSet::new(), tester: CpuSet::new() };
        for cpu in (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)) {
            if seen < count / 2 { &mut halves.targets } else { &mut halves.tester }.set(cpu);
            seen += 1;
        }
        Ok(halves)
    }

    /// What this thread starts from now on belongs to the targets.
    pub(crate) fn start_targets(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.targets)?)
    }

    /// This thread, and what it starts from now on, belongs to the tester.
    pub(crate) fn drive(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.tester)?)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn targets_and_tester_share_no_processor() {
        let Ok(halves) = Halves::of_machine() else {
            return assert_eq!(thread::available_parallelism().map_or(1, usize::from), 1);
        };
        let seen = thread::spawn(move || {
            let all = sched_getaffinity(None)?;
            halves.start_targets()?;
            let targets = thread::spawn(|| sched_getaffinity(None)).join().expect("no panic")?;
            halves.drive()?;
            let tester = thread::spawn(|| sched_getaffinity(None)).join().expect("no panic")?;
            io::Result::Ok((all, targets, tester))
        });
        let (all, targets, tester) = seen.join().expect("no panic").expect("it may be set");
        assert_eq!(targets.count() + tester.count(), all.count());
        assert!((0..CpuSet::MAX_CPU).all(|cpu| !(targets.is_set(cpu) && tester.is_set(cpu))));
    }
}
