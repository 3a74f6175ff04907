//! A sparkline: the times between the last pushes to a group, as bars.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::ui::words::value::seconds;

/// How wide and high it is drawn.
const BAR_WIDTH: usize = 8;
const HEIGHT: f64 = 20.0;

/// The bars, oldest first.
#[derive(Debug, Template)]
#[template(
    source = r#"<svg class="spark" viewBox="0 0 {{ width }} 20" role="img" aria-label="Times between the last pushes: {{ spoken }}">{% for (x, y, height) in bars %}<rect class="fill" x="{{ x }}" y="{{ y }}" width="6" height="{{ height }}"/>{% endfor %}</svg>"#,
    ext = "html"
)]
pub struct Sparkline {
    width: usize,
    spoken: String,
    bars: Vec<(usize, String, String)>,
}

impl HtmlSafe for Sparkline {}

impl Sparkline {
    /// Of these intervals; `None` where there are none.
    pub fn new(intervals: &[Duration]) -> Option<Sparkline> {
        let longest = intervals.iter().max()?.as_secs_f64();
        let bars = intervals.iter().enumerate().map(|(at, interval)| {
            let height = (interval.as_secs_f64() / longest * HEIGHT).max(1.0);
            (at * BAR_WIDTH, format!("{:.1}", HEIGHT - height), format!("{height:.1}"))
        });
        let spoken = intervals.iter().map(|interval| seconds(interval.as_secs_f64()));
        Some(Sparkline {
            width: intervals.len() * BAR_WIDTH,
            spoken: spoken.collect::<Vec<_>>().join(", "),
            bars: bars.collect(),
        })
    }
}

/// How often a group is pushed to, in words: the interval in the middle.
pub fn usual(intervals: &[Duration]) -> Option<String> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map(|middle| format!("every {}", seconds(middle.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_intervals_are_long() {
        let intervals = [60, 30, 120].map(Duration::from_secs);
        let spark = Sparkline::new(&intervals).expect("there are some").to_string();
        assert!(
            spark.contains("60 s, 30 s, 2 min") && spark.contains(r#"height="10.0""#),
            "{spark}"
        );
        assert!(spark.contains(r#"x="16" y="0.0" width="6" height="20.0""#), "{spark}");
        assert_eq!(usual(&intervals).as_deref(), Some("every 60 s"));
        assert!(Sparkline::new(&[]).is_none() && usual(&[]).is_none());
    }
}
