//! What signals do to the gateway. docs/signals.md has the table.
//!
//! What a signal does by default is nearly always to end the process, with what is not on disk yet. So each has a handler here:
//! some ask the gateway to stop, the rest do nothing. Those that dump core, that report a broken program, and that pause and
//! continue a process keep what the system does.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What asks the gateway to stop: people and init systems, a limit of processor time, a failing power supply.
const STOPPING: [(&str, Number); 4] = [
    ("SIGTERM", Number::TERM),
    ("SIGINT", Number::INT),
    ("SIGXCPU", Number::XCPU),
    ("SIGPWR", Number::POWER),
];

/// What does nothing. A write beyond a limit of file sizes fails where SIGXFSZ does not end the process, and is a full
/// disk then. Files of settings are looked at anew upon SIGHUP, by who has some.
const IGNORED: [Number; 9] = [
    Number::HUP,
    Number::XFSZ,
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::IO,
    Number::STKFLT,
];

/// The signals that are free for any use, but for those that the C library takes.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// The signals that ask to stop, listened to.
#[derive(Debug)]
pub struct Stopping([(&'static str, Signal); STOPPING.len()]);

/// Takes all signals over. To be called before anything is written.
///
/// # Errors
/// When they cannot be listened to.
pub fn take_over() -> io::Result<Stopping> {
    let ignored = IGNORED.iter().map(|number| number.as_raw()).chain(REAL_TIME);
    for number in ignored {
        // The handler outlasts what listens.
        drop(listen(number)?);
    }
    let [term, int, cpu, power] = STOPPING;
    let of = |(name, number): (&'static str, Number)| {
        Ok::<_, io::Error>((name, listen(number.as_raw())?))
    };
    Ok(Stopping([of(term)?, of(int)?, of(cpu)?, of(power)?]))
}

fn listen(number: i32) -> io::Result<Signal> {
    signal(SignalKind::from_raw(number))
}

impl Stopping {
    /// Sets `stop` at the first signal that asks for it. Later ones change nothing: the drain is bounded.
    pub fn stops(self, stop: watch::Sender<bool>) {
        let Stopping([mut term, mut int, mut cpu, mut power]) = self;
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = term.1.recv() => term.0,
                _ = int.1.recv() => int.0,
                _ = cpu.1.recv() => cpu.0,
                _ = power.1.recv() => power.0,
            };
            tracing::info!(signal = name, "asked to stop");
            stop.send_replace(true);
        });
    }
}
