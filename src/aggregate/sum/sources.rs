//! The sources of a sum, each with a number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::source::{Layout, Source, State};

/// The sources. A number is used again once its source is gone.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_key: HashMap<Arc<str>, u32, ahash::RandomState>,
    list: Vec<Option<Source>>,
    unused: Vec<u32>,
    /// Those of all sources, each once.
    layouts: HashSet<Arc<Layout>, ahash::RandomState>,
    /// How much memory all layouts take.
    pub(super) layout_bytes: u64,
}

/// What a source had before it changed.
pub(super) type Before = (Arc<Layout>, Box<[f64]>);

impl Sources {
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&Source> {
        self.list.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Source> {
        self.list.get_mut(number as usize)?.as_mut()
    }

    /// All sources with their keys and numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, u32, &Source)> {
        let all = self.by_key.iter();
        all.filter_map(|(key, number)| Some((key, *number, self.get(*number)?)))
    }

    /// Adds a source that has nothing yet.
    pub(super) fn insert(&mut self, key: &Arc<str>, hash: u64) -> u32 {
        let (layout, values) = (self.shared(Layout::default()), Box::default());
        let source = Source { hash, layout, values };
        let number = self.unused.pop().unwrap_or(self.list.len() as u32);
        match self.list.get_mut(number as usize) {
            Some(unused) => *unused = Some(source),
            None => self.list.push(Some(source)),
        }
        self.by_key.insert(Arc::clone(key), number);
        number
    }

    /// Forgets a source.
    pub(super) fn remove(&mut self, key: &str) {
        let Some(number) = self.by_key.remove(key) else { return };
        if let Some(source) = self.list[number as usize].take() {
            self.release(source.layout);
        }
        self.unused.push(number);
    }

    /// Gives a source these families in place of what it had, which is the answer. Each has its values, and they are sorted by name.
    pub(super) fn set(&mut self, number: u32, families: Vec<(State, Vec<f64>)>) -> Option<Before> {
        let mut values = Vec::with_capacity(families.iter().map(|(_, values)| values.len()).sum());
        let states = families.into_iter().map(|(state, of_family)| {
            let first = values.len();
            values.extend(of_family);
            State { first, ..state }
        });
        let layout = Layout { families: states.collect() };
        let layout = self.shared(layout);
        let source = self.get_mut(number)?;
        let layout = std::mem::replace(&mut source.layout, layout);
        Some((layout, std::mem::replace(&mut source.values, values.into())))
    }

    /// Gives a source back what it had.
    pub(super) fn restore(&mut self, number: u32, (layout, values): Before) {
        let Some(source) = self.get_mut(number) else { return };
        source.values = values;
        let layout = std::mem::replace(&mut source.layout, layout);
        self.release(layout);
    }

    /// Lets go of a layout that a source had.
    #[expect(clippy::needless_pass_by_value, reason = "the source no longer has it")]
    pub(super) fn release(&mut self, layout: Arc<Layout>) {
        // The other one is in the table.
        if Arc::strong_count(&layout) == 2 && self.layouts.remove(&*layout) {
            self.layout_bytes -= layout.bytes();
        }
    }

    /// The same layout as sources have it.
    fn shared(&mut self, mut layout: Layout) -> Arc<Layout> {
        if let Some(known) = self.layouts.get(&layout) {
            return Arc::clone(known);
        }
        layout.families.shrink_to_fit();
        self.layout_bytes += layout.bytes();
        let layout = Arc::new(layout);
        self.layouts.insert(Arc::clone(&layout));
        layout
    }
}
