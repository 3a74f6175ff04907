//! Families of the same name, from wherever they come, made one.

use std::sync::Arc;

use bytes::Bytes;

use super::own::OwnFamily;
use crate::exposition::Kind;
use crate::shard::{FamilySnapshot, Page, Snapshot};

/// Everything one scrape shows.
#[derive(Debug)]
pub struct Exposition<'a> {
    pub(super) families: Vec<Merged<'a>>,
}

/// One family.
#[derive(Debug)]
pub(super) struct Merged<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// The gateway's own help, else the smallest of those stored.
    pub(super) help: &'a str,
    /// The samples of the gateway's own.
    pub(super) own: Bytes,
    pub(super) pages: Vec<&'a Arc<Page>>,
}

/// Where a family comes from.
enum Source<'a> {
    Own(OwnFamily),
    Shard(&'a FamilySnapshot),
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Source::Own(own) => own.name,
            Source::Shard(family) => &family.name,
        }
    }
}

/// Merges the shards' families with the gateway's own.
pub fn merge(snapshots: &[Snapshot], own: Vec<OwnFamily>) -> Exposition<'_> {
    let own = own.into_iter().filter(|own| !own.text.is_empty()).map(Source::Own);
    let stored = snapshots.iter().flat_map(|snapshot| &snapshot.families).map(Source::Shard);
    let mut sources: Vec<Source<'_>> = own.chain(stored).collect();
    // Stable, so that the gateway's own stand first and the shards keep their order.
    sources.sort_by(|a, b| a.name().cmp(b.name()));
    let mut families: Vec<Merged<'_>> = Vec::new();
    for source in sources {
        match source {
            Source::Own(own) => families.push(Merged {
                name: own.name,
                kind: own.kind,
                help: own.help,
                own: own.text.into(),
                pages: Vec::new(),
            }),
            Source::Shard(family) => {
                let help = family.help.as_deref().unwrap_or_default();
                let pages = family.pages.iter().map(|(_, page)| page);
                match families.last_mut().filter(|last| last.name == &*family.name) {
                    Some(last) => {
                        if last.own.is_empty() && !help.is_empty() {
                            let is_better = last.help.is_empty() || help < last.help;
                            last.help = if is_better { help } else { last.help };
                        }
                        last.pages.extend(pages);
                    }
                    None => families.push(Merged {
                        name: &family.name,
                        kind: family.kind,
                        help,
                        own: Bytes::new(),
                        pages: pages.collect(),
                    }),
                }
            }
        }
    }
    Exposition { families }
}
