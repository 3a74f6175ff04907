//! Families of the same name, from wherever they come, made one.

use std::sync::Arc;

use super::own::OwnFamily;
use crate::exposition::Kind;
use crate::shard::{FamilySnapshot, Piece, Snapshot};

/// Blocks that were chosen one by one are rendered together up to this many bytes of text.
const CHOSEN_BYTES_MAX: usize = 64 << 10;

/// One family of a scrape, as it is stored.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// Escaped: the gateway's own, else the smallest of those stored; empty when there is none.
    pub(super) help: Arc<str>,
    /// Whether the gateway itself has a family of that name.
    pub(super) is_own: bool,
    /// Its samples, if they are shown.
    pub(super) own: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
}

/// Where a family comes from.
enum Source {
    Own(OwnFamily),
    Shard(usize, FamilySnapshot),
}

impl Source {
    fn name(&self) -> &str {
        match self {
            Source::Own(own) => own.name,
            Source::Shard(_, family) => &family.name,
        }
    }
}

/// Merges the families of `snapshots`, which are those of all shards in order, with the gateway's own:
/// the families sorted by name. Those of its own that are not shown, and have no samples here, count all the
/// same: their names are theirs, and so are their help texts.
pub(super) fn merge(snapshots: Vec<Snapshot>, own: Vec<OwnFamily>) -> Vec<Family> {
    let own = own.into_iter().map(Source::Own);
    let stored = snapshots.into_iter().enumerate().flat_map(|(shard, snapshot)| {
        snapshot.families.into_iter().map(move |family| Source::Shard(shard, family))
    });
    let mut sources: Vec<Source> = own.chain(stored).collect();
    // Stable, so that the gateway's own stand first and the shards keep their order.
    sources.sort_by(|a, b| a.name().cmp(b.name()));
    let mut families: Vec<Family> = Vec::new();
    for source in sources {
        match source {
            Source::Own(own) => families.push(Family {
                name: own.name.into(),
                kind: own.kind,
                help: own.help.into(),
                is_own: true,
                own: own.text,
                pieces: Vec::new(),
            }),
            Source::Shard(shard, stored) => {
                if families.last().is_none_or(|last| last.name != stored.name) {
                    families.push(Family {
                        name: Arc::clone(&stored.name),
                        kind: stored.kind,
                        help: "".into(),
                        is_own: false,
                        own: Vec::new(),
                        pieces: Vec::new(),
                    });
                }
                let family = families.last_mut().expect("there is one of that name now");
                if let Some(help) = stored.help.as_ref().filter(|_| !family.is_own)
                    && (family.help.is_empty() || help < &family.help)
                {
                    family.help = Arc::clone(help);
                }
                family.pieces.extend(stored.pieces(shard, CHOSEN_BYTES_MAX));
            }
        }
    }
    families
}
