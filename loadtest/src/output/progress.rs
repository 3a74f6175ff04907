//! How far a run is: a bar on a terminal, a line now and then otherwise.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::streams::note;
use crate::drive::Tick;

pub(crate) struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    /// The last time something was shown, and what was answered by then.
    shown: (Instant, u64),
}

const STEPS: f64 = 1000.0;
const LINE_EVERY: Duration = Duration::from_secs(5);
const BAR_EVERY: Duration = Duration::from_millis(500);

impl Progress {
    pub(crate) fn new(what: String) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} [{bar:40}] {percent} % {msg}");
            ProgressBar::new(STEPS as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(what.clone())
        });
        if bar.is_none() {
            note(&what);
        }
        Self { what, bar, shown: (Instant::now(), 0) }
    }

    pub(crate) fn tick(&mut self, tick: Tick) {
        let (then, answered_then) = self.shown;
        let elapsed = then.elapsed();
        if let Some(bar) = &self.bar {
            bar.set_position((tick.progress * STEPS) as u64);
        }
        if elapsed < if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY } {
            return;
        }
        let rate = (tick.answered - answered_then) as f64 / elapsed.as_secs_f64();
        let percent = tick.progress * 100.0;
        match &self.bar {
            Some(bar) => bar.set_message(format!("{rate:.0} pushes/s")),
            None => note(&format!("{}: {percent:.0} %, {rate:.0} pushes/s", self.what)),
        }
        self.shown = (Instant::now(), tick.answered);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
