//! The work of a scrape: what has to be rendered first, and what becomes of it.

use super::answer::{Answer, assemble};
use super::form::Form;
use super::merge::{Family, merge};
use super::own::OwnFamily;
use super::render::{ready, render};
use super::runs::Runs;
use crate::shard::{HomedPage, Piece, Rendering, Snapshot};

/// A scrape at work.
#[derive(Debug)]
pub struct Scrape {
    form: Form,
    families: Vec<Family>,
    /// One for each piece.
    renderings: Vec<Option<Rendering>>,
}

/// A piece that has to be rendered. Holds the page of before, so it is best done and dropped soon.
#[derive(Debug)]
pub struct Task {
    at: usize,
    form: Form,
    piece: Piece,
}

/// A task that is done.
#[derive(Debug)]
pub struct Done {
    at: usize,
    rendering: Rendering,
}

impl Scrape {
    /// Merges what the shards and the gateway itself have to show, and says what is left to do.
    pub fn new(snapshots: Vec<Snapshot>, own: Vec<OwnFamily>, form: Form) -> (Scrape, Vec<Task>) {
        let (families, pieces) = merge(snapshots, own);
        let mut tasks = Vec::new();
        let mut renderings = Vec::with_capacity(pieces.len());
        for (at, piece) in pieces.into_iter().enumerate() {
            let rendering = ready(&piece, form);
            if rendering.is_none() {
                tasks.push(Task { at, form, piece });
            }
            renderings.push(rendering);
        }
        (Scrape { form, families, renderings }, tasks)
    }

    /// Takes the result of a task.
    pub fn take(&mut self, done: Done) {
        self.renderings[done.at] = Some(done.rendering);
    }

    /// Puts the answer together, once every task is done.
    pub fn answer(self, runs: &Runs) -> Answer {
        let renderings = self.renderings.into_iter().flatten().collect();
        assemble(&self.families, renderings, self.form.gzip.then_some(runs))
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

    /// Renders. Also gives back the page, if its shard could let go of what it holds twice now.
    pub fn run(self) -> (Done, Option<HomedPage>) {
        let was_stale = matches!(&self.piece, Piece::Page(homed) if homed.page.is_stale());
        let rendering = render(&self.piece, self.form);
        let adopted = match self.piece {
            Piece::Page(homed) if was_stale && !homed.page.is_stale() => Some(homed),
            _ => None,
        };
        (Done { at: self.at, rendering }, adopted)
    }
}
