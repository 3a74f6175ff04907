//! The bound of what matching may cost, for all groups and expressions of one query together.

/// How many bytes the regular expressions of one query may read, over all labels of all groups.
pub const REGEX_MATCHED_BYTES_MAX: u64 = 4 << 30;
/// How many bytes are matched between two looks at whether to go on.
const LOOK_BYTES: usize = 1 << 10;

/// What is left of the effort that one query is worth.
pub struct Effort<'a> {
    bytes_left: u64,
    since_look: usize,
    is_over: &'a dyn Fn() -> bool,
}

/// Why matching ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The expressions have read as many bytes as they may.
    Bytes,
    /// `is_over` says so.
    Over,
}

impl<'a> Effort<'a> {
    /// So many bytes, unless `is_over` says before that it is over.
    pub fn new(bytes: u64, is_over: &'a dyn Fn() -> bool) -> Effort<'a> {
        Effort { bytes_left: bytes, since_look: 0, is_over }
    }

    /// No bound, where no other query waits.
    pub fn unbounded() -> Effort<'static> {
        Effort::new(u64::MAX, &|| false)
    }

    pub(super) fn is_unbounded(&self) -> bool {
        self.bytes_left == u64::MAX
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Spent> {
        if self.is_unbounded() {
            return Ok(());
        }
        self.bytes_left = self.bytes_left.checked_sub(bytes as u64).ok_or(Spent::Bytes)?;
        self.since_look += bytes;
        if self.since_look >= LOOK_BYTES {
            self.since_look = 0;
            if (self.is_over)() {
                return Err(Spent::Over);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::selector::Selector;

    #[test]
    fn a_dear_expression_is_stopped_within_a_value_and_a_bound_of_bytes_ends_it() {
        let selector = Selector::parse(r#"{a=~".*a[ax]{150}b"}"#).expect("a selector");
        let value = "xa".repeat(30_000);
        let looks = Cell::new(0);
        let is_over = || looks.replace(looks.get() + 1) == 3;
        let mut stopped = Effort::new(1 << 40, &is_over);
        assert_eq!(selector.matches(|_| &value, &mut stopped), Err(Spent::Over));
        let mut bounded = Effort::new(5_000, &|| false);
        assert_eq!(selector.matches(|_| &value, &mut bounded), Err(Spent::Bytes));
    }

    #[test]
    fn a_word_boundary_beside_other_letters_is_matched_where_the_value_is_short() {
        let selector = Selector::parse(r#"{a=~".*\\bé+\\b.*"}"#).expect("a selector");
        let mut effort = Effort::new(1 << 40, &|| false);
        assert_eq!(selector.matches(|_| "a éé b", &mut effort), Ok(true));
        let long = "é ".repeat(30_000);
        assert_eq!(selector.matches(|_| &long, &mut effort), Err(Spent::Bytes));
    }
}
