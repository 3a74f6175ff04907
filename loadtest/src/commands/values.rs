//! How the values of flags are read; each is checked here and nowhere else.

use std::ops::Range;
use std::time::Duration;

use crate::crash::Promise;
use crate::profile::{BasicAuth, Count, Rate, Span};

pub(super) fn count(text: &str) -> Result<Count, String> {
    let count: u64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Count::try_from(count)
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    Rate::new(text.parse().map_err(|_| format!("`{text}` is not a number"))?)
}

/// A duration as the gateway takes it: with its unit.
pub(super) fn duration(text: &str) -> Result<Span, String> {
    match text.parse::<f64>() {
        Ok(_) => Err(format!("`{text}` has no unit: write {text}s, or {text}ms")),
        Err(_) => Span::parse(text),
    }
}

/// Seconds may go without their unit here.
pub(super) fn span(text: &str) -> Result<Span, String> {
    if text.parse::<f64>().is_ok() { Span::parse(&format!("{text}s")) } else { Span::parse(text) }
}

pub(super) fn moments(text: &str) -> Result<Range<Duration>, String> {
    let (least, most) = text.split_once("..").ok_or(format!("`{text}` is not MIN..MAX"))?;
    let range = span(least)?.get()..span(most)?.get();
    if range.start > range.end { Err(format!("`{text}` ends before it begins")) } else { Ok(range) }
}

pub(super) fn promise(text: &str) -> Result<Promise, String> {
    match text.split_once(':') {
        None if text == "push" => Ok(Promise::Push),
        Some(("interval", interval)) => Ok(Promise::Interval(span(interval)?.get())),
        _ => Err(format!("`{text}` is neither push nor interval:DURATION")),
    }
}

/// A password may hold colons, a name may not.
pub(super) fn user(text: &str) -> Result<BasicAuth, String> {
    let (user, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
    Ok(BasicAuth { user: user.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_without_its_unit_is_refused_with_the_way_to_write_it() {
        assert_eq!(duration("5").err(), Some("`5` has no unit: write 5s, or 5ms".to_owned()));
        assert_eq!(duration("5s").map(Span::get), Ok(Duration::from_secs(5)));
        assert!(duration("five").is_err());
    }

    #[test]
    fn promises_and_bounds_are_read_or_refused() {
        assert_eq!(promise("push"), Ok(Promise::Push));
        assert_eq!(promise("interval:250ms"), Ok(Promise::Interval(Duration::from_millis(250))));
        for wrong in ["", "interval", "interval:", "push:1s", "interval:-1s"] {
            assert!(promise(wrong).is_err(), "{wrong}");
        }
        let (least, most) = (Duration::from_millis(300), Duration::from_secs(2));
        assert_eq!(moments("300ms..2s"), Ok(least..most));
        assert_eq!(moments("2..2s"), Ok(most..most));
        for wrong in ["", "1s", "..1s", "2s..1s"] {
            assert!(moments(wrong).is_err(), "{wrong}");
        }
    }
}
