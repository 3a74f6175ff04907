//! When each source last pushed a family, by the number of the source.

/// The times, in nanoseconds since 1970; 0 for a source that does not have the family.
#[derive(Debug, Default)]
pub(super) struct Stamps(Vec<u64>);

impl Stamps {
    pub(super) fn set(&mut self, source: u32, pushed: u64) {
        let at = source as usize;
        if at >= self.0.len() {
            if pushed == 0 {
                return;
            }
            self.0.resize(at + 1, 0);
        }
        self.0[at] = pushed;
    }

    pub(super) fn get(&self, source: u32) -> u64 {
        self.0.get(source as usize).copied().unwrap_or_default()
    }
}
