//! Counts what became of the groups.

use std::fmt;

use super::place::Outcome;

/// How many groups that could not be copied are named.
pub const FAILURES_SHOWN_MAX: usize = 20;

/// Counts of groups, and why some were not copied.
#[derive(Debug, Default)]
pub struct Report {
    is_dry_run: bool,
    copied: u64,
    samples: u64,
    unchanged: u64,
    unchanged_samples: u64,
    newer: u64,
    never_pushed: u64,
    cut: u64,
    failed: u64,
    /// The first of them, as lines.
    failures: Vec<String>,
}

impl Report {
    /// Of nothing yet.
    pub(super) fn new(is_dry_run: bool) -> Report {
        Report { is_dry_run, ..Report::default() }
    }

    /// Whether every group is where it should be.
    pub fn is_success(&self) -> bool {
        self.failed == 0
    }

    /// Notes a group of so many samples, of which so many histograms have lost their native buckets.
    pub(super) fn note(&mut self, path: &str, samples: u64, cut: u64, outcome: Outcome) {
        match outcome {
            Outcome::Copied => {
                self.copied += 1;
                self.samples += samples;
                self.cut += cut;
            }
            Outcome::Unchanged => {
                self.unchanged += 1;
                self.unchanged_samples += samples;
                self.cut += cut;
            }
            Outcome::Newer => self.newer += 1,
            Outcome::Failed(reason) => self.fail(path, &reason),
        }
    }

    /// Notes one that cannot be a push: none to it was ever applied.
    pub(super) fn note_never_pushed(&mut self) {
        self.never_pushed += 1;
    }

    /// How far it is, while it goes on.
    pub(super) fn progress(&self) -> String {
        let Report { copied, unchanged, newer, never_pushed, failed, .. } = self;
        let seen = copied + unchanged + newer + never_pushed + failed;
        format!(
            "importing: {seen} groups so far, {copied} copied, {unchanged} unchanged, {failed} failed"
        )
    }

    pub(super) fn fail(&mut self, path: &str, reason: &str) {
        self.failed += 1;
        if self.failures.len() < FAILURES_SHOWN_MAX {
            self.failures.push(format!("{path}: {reason}"));
        }
    }
}

/// A line for each thing that there is to say.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { copied, samples, newer, never_pushed, cut, failed, failures, .. } = self;
        let copied_is = if self.is_dry_run { "would copy" } else { "copied" };
        writeln!(f, "{copied_is}: {copied} groups, {samples} samples")?;
        if self.unchanged > 0 {
            let Report { unchanged, unchanged_samples, .. } = self;
            writeln!(
                f,
                "unchanged: {unchanged} groups, {unchanged_samples} samples, which the target had with the same push times"
            )?;
        }
        if *newer > 0 {
            writeln!(f, "left alone: {newer} groups, which were pushed to the target later")?;
        }
        if *never_pushed > 0 {
            writeln!(f, "left out: {never_pushed} groups that only refused pushes have made")?;
        }
        if *cut > 0 {
            writeln!(
                f,
                "in part: {cut} histograms whose buckets the source does not show, as it does not for native ones: only their sum and count are copied"
            )?;
        }
        if *failed > 0 {
            writeln!(f, "not copied: {failed} groups")?;
        }
        for failure in failures {
            writeln!(f, "  {failure}")?;
        }
        match failed.saturating_sub(failures.len() as u64) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named_up_to_a_bound() {
        let mut report = Report::new(false);
        report.note("/job/a", 19, 0, Outcome::Copied);
        assert!(report.is_success());
        assert_eq!(report.to_string(), "copied: 1 groups, 19 samples\n");
        for group in 0..FAILURES_SHOWN_MAX + 3 {
            report.note(&format!("/job/{group}"), 1, 0, Outcome::Failed("400 no".to_owned()));
        }
        report.note("/job/b", 1, 0, Outcome::Newer);
        report.note("/job/c", 4, 0, Outcome::Unchanged);
        let progress = "importing: 26 groups so far, 1 copied, 1 unchanged, 23 failed";
        assert_eq!(report.progress(), progress);
        let text = report.to_string();
        assert!(
            !report.is_success() && text.contains("\nnot copied: 23 groups\n  /job/0: 400 no\n")
        );
        assert!(text.ends_with("  /job/19: 400 no\n  and 3 more\n"), "{text}");
        assert!(text.contains("left alone: 1 groups"), "{text}");
        assert!(text.contains("unchanged: 1 groups, 4 samples"), "{text}");
    }
}
