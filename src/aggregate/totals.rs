//! The totals of a sum as they are stored: exactly, for each line of its counters, histograms and summaries.
//!
//! ```text
//! totals  u32 families, and for each: u32 bytes of the name, name, u32 lines, and for each line its exact sum
//! ```
//!
//! The lines are in the order of the text of the family, which is stored too. Gauges are not stored: they are put together from the sources.

use std::sync::Arc;

use crate::aggregate::exact::{Exact, take};
use crate::aggregate::family::{Family, SourceFamily, is_gauge};
use crate::aggregate::series::LineValue;
use crate::aggregate::sum::Sum;
use crate::rules::{Adding, Counters, Gauges};

impl Sum {
    /// Appends the totals.
    pub fn write_totals(&self, out: &mut Vec<u8>) {
        let families = || self.families.iter().filter(|(_, family)| !is_gauge(family.kind));
        out.extend_from_slice(&(families().count() as u32).to_le_bytes());
        for (name, family) in families() {
            out.extend_from_slice(&(name.len() as u32).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
            let lines = || family.series().flat_map(|series| &series.lines);
            out.extend_from_slice(&(lines().count() as u32).to_le_bytes());
            for line in lines() {
                if let LineValue::Total(total) = &line.value {
                    total.write(out);
                }
            }
        }
    }

    /// The sum whose families were `shown`, sorted by name, with these totals, still without sources. `None` where they do not fit each other.
    pub fn restore(shown: &[SourceFamily<'_>], mut totals: &[u8]) -> Option<Sum> {
        let (mut sum, totals) = (Sum::default(), &mut totals);
        let mut left = u32::from_le_bytes(take(totals)?);
        for one in shown.iter().filter(|one| !is_gauge(one.kind)) {
            left = left.checked_sub(1)?;
            let name = u32::from_le_bytes(take(totals)?) as usize;
            let (name, rest) = totals.split_at_checked(name)?;
            *totals = rest;
            if name != one.name.as_bytes() {
                return None;
            }
            let adding = Adding { gauges: Gauges::Last, counters: Counters::Cumulative };
            let mut family = Family::new(one.kind, adding);
            family.help = one.help.to_owned();
            let mut made = Vec::new();
            family.targets(one, &[], &mut made).ok()?;
            let mut lines = u32::from_le_bytes(take(totals)?);
            for slot in made {
                for line in &mut family.at(slot)?.lines {
                    lines = lines.checked_sub(1)?;
                    line.value = LineValue::Total(Exact::read(totals)?);
                }
            }
            if lines > 0 {
                return None;
            }
            family.restore_natives(one);
            sum.families.insert(Arc::from(one.name), family);
        }
        (left == 0 && totals.is_empty()).then_some(sum)
    }
}
