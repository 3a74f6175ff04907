//! The work of a scrape: what has to be rendered first, and what becomes of it.

use std::sync::Arc;

use super::answer::{Answer, ShownSamples, assemble};
use super::assign::assign;
use super::form::Form;
use super::labels;
use super::merge::{Family, merge};
use super::own::OwnFamily;
use super::render::{ready, render};
use super::runs::Runs;
use super::showing::Showing;
use crate::exposition::Kind;
use crate::shard::{HomedPage, Piece, Rendering, Snapshot};

/// A scrape at work.
#[derive(Debug)]
pub struct Scrape {
    form: Form,
    families: Vec<ShownSamples>,
    /// One for each piece of the families.
    renderings: Vec<Option<Rendering>>,
    /// How many families had to be left out.
    hidden: usize,
}

/// A piece that has to be rendered. Holds the page of before, so it is best done and dropped soon.
#[derive(Debug)]
pub struct Task {
    at: usize,
    showing: Arc<Showing>,
    piece: Piece,
}

/// A task that is done.
#[derive(Debug)]
pub struct Done {
    at: usize,
    rendering: Rendering,
}

impl Scrape {
    /// Merges what the shards and the gateway itself have to show, decides what everything is called,
    /// and says what is left to do. Where names have to be escaped, this looks at every label name
    /// that has come since the last scrape.
    pub fn new(snapshots: Vec<Snapshot>, own: Vec<OwnFamily>, form: Form) -> (Scrape, Vec<Task>) {
        let merged = merge(snapshots, own);
        let names: Vec<(&str, Kind)> =
            merged.iter().map(|family| (&*family.name, family.kind)).collect();
        let shown = assign(&names, form.format, form.escaping);
        let showings: Vec<Option<Showing>> = merged
            .iter()
            .zip(shown)
            .map(|(family, shown)| {
                let labels = labels::of(&family.pieces, form.escaping);
                Some(Showing::new(form, &family.name, shown?, labels))
            })
            .collect();
        let mut scrape = Scrape { form, families: Vec::new(), renderings: Vec::new(), hidden: 0 };
        let mut tasks = Vec::new();
        for (family, showing) in merged.into_iter().zip(showings) {
            match showing {
                Some(showing) => scrape.add(family, showing, &mut tasks),
                None => scrape.hidden += 1,
            }
        }
        (scrape, tasks)
    }

    fn add(&mut self, family: Family, showing: Showing, tasks: &mut Vec<Task>) {
        let showing = Arc::new(showing);
        let Family { help, own, pieces, .. } = family;
        let (showing_of_all, pieces_len) = (Arc::clone(&showing), pieces.len());
        self.families.push(ShownSamples { showing: showing_of_all, help, own, pieces: pieces_len });
        for piece in pieces {
            let rendering = ready(&piece, &showing);
            if rendering.is_none() {
                let at = self.renderings.len();
                tasks.push(Task { at, showing: Arc::clone(&showing), piece });
            }
            self.renderings.push(rendering);
        }
    }

    /// Takes the result of a task.
    pub fn take(&mut self, done: Done) {
        self.renderings[done.at] = Some(done.rendering);
    }

    /// How many pieces the answer is put together from, those that need no rendering among them.
    pub fn pieces(&self) -> usize {
        self.renderings.len()
    }

    /// How many families had to be left out, since their names meet others' in this form.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Puts the answer together, once every task is done.
    pub fn answer(self, runs: &Runs) -> Answer {
        let renderings = self.renderings.into_iter();
        let renderings = renderings.map(|one| one.expect("every task has been done")).collect();
        assemble(self.form, &self.families, renderings, runs)
    }
}

impl Task {
    /// How many bytes there are to render, about.
    pub fn bytes(&self) -> usize {
        match &self.piece {
            Piece::Page(homed) => homed.page.bytes(),
            Piece::Blocks(blocks) => {
                blocks.iter().map(|(page, slot)| page.block(*slot).text.len()).sum()
            }
        }
    }

    /// Renders. Also gives back the page, if its shard could let go of what it holds twice.
    pub fn run(self) -> (Done, Option<HomedPage>) {
        let rendering = render(&self.piece, &self.showing);
        let held_twice = match self.piece {
            Piece::Page(homed) if homed.page.is_held_twice() => Some(homed),
            _ => None,
        };
        (Done { at: self.at, rendering }, held_twice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Escaping, NameRules};
    use crate::push::{GroupingKey, decode};
    use crate::scrape::{Format, OpenMetricsVersion};
    use crate::shard::{FamilySnapshot, Index, Mode, Page, Selection, Store, Timestamp};

    const FORMATS: [Format; 3] =
        [Format::Text, Format::Protobuf, Format::OpenMetrics(OpenMetricsVersion::V1_0_0)];
    const ESCAPINGS: [Escaping; 4] =
        [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];

    /// A few hundred groups with this body.
    fn store(body: &str) -> Store {
        let mut store = Store::new(Arc::new(Index::default()), None);
        for group in 0..300 {
            let path = format!("/j/at/{group}");
            let key = GroupingKey::parse(path.as_bytes(), NameRules::Utf8).expect("a valid path");
            let batch = decode(&key, body.as_bytes(), NameRules::Utf8).expect("a valid push");
            let pushed = store.push(group, &key, Mode::Replace, &batch, None, Timestamp::now());
            pushed.expect("the groups do not conflict");
        }
        store
    }

    /// Scrapes, and answers how many pieces had to be rendered.
    fn scrape(store: &mut Store, form: Form) -> usize {
        let (mut scrape, tasks) =
            Scrape::new(vec![store.snapshot(&Selection::default())], Vec::new(), form);
        let rendered = tasks.len();
        for task in tasks {
            let (done, page) = task.run();
            scrape.take(done);
            page.iter().for_each(|page| store.adopt(page));
        }
        scrape.answer(&Runs::default());
        rendered
    }

    #[test]
    fn what_has_not_changed_is_rendered_once_in_every_form() {
        for body in
            ["# TYPE c counter\nc 1\n", "# TYPE \"a.b\" counter\n{\"a.b\",\"c.d\"=\"1\"} 1\n"]
        {
            for format in FORMATS {
                for escaping in ESCAPINGS {
                    for gzip in [false, true] {
                        let mut store = store(body);
                        let form = Form { format, escaping, gzip, part: None };
                        scrape(&mut store, form);
                        assert_eq!(scrape(&mut store, form), 0, "{form:?} {body}");
                    }
                }
            }
        }
    }

    /// Whoever makes a scrape asks for its pieces, to know how long it takes to put them together.
    #[test]
    fn a_scrape_without_anything_to_render_still_has_its_pieces() {
        let mut store = store("# TYPE c counter\nc 1\n");
        scrape(&mut store, Form::TEXT);
        let snapshots = vec![store.snapshot(&Selection::default())];
        let (scrape, tasks) = Scrape::new(snapshots, Vec::new(), Form::TEXT);
        assert!(tasks.is_empty() && scrape.pieces() > 0);
    }

    #[test]
    fn deciding_on_names_concatenates_no_page() {
        let mut store = store("{\"a.b\",\"c.d\"=\"1\"} 1\n");
        let form = Form { escaping: Escaping::Underscores, ..Form::TEXT };
        let snapshots = vec![store.snapshot(&Selection::default())];
        let (_scrape, tasks) = Scrape::new(snapshots, Vec::new(), form);
        assert!(!tasks.is_empty());
        let snapshot = store.snapshot(&Selection::default());
        assert!(!snapshot.families.iter().flat_map(FamilySnapshot::pages).any(Page::has_text));
    }
}
