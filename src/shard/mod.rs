//! The shards: what is stored, and the tasks that handle what is asked of it.
//!
//! A group belongs to the shard that the hash of its grouping key chooses. [`Shards`] is the handle that the rest of the
//! gateway clones. A push goes through the folders from the bottom of this list to the top; imports point upwards only:
//! `budget` (what may be stored), `index` (which names and series exist), `pages` (rendered samples), `ruling` (what rules make of groups), `groups` (groups and
//! families), `saving` (what persistence takes), `store` (what one shard holds), `task` (owns a store), `handle`.
//!
//! **Invariants:** only what has the turn of a shard touches its groups: its task, or one push. A push comes after every push to its group
//! that was answered before it was sent. No two groups hold the same series, and a family has one kind in the whole gateway.

mod budget;
mod error;
mod groups;
mod handle;
mod index;
mod pages;
mod ruling;
mod saving;
mod store;
mod task;
mod timestamp;

pub use budget::{Bound, Budget, Full, Limits, Usage, Whose};
pub use error::{PushError, RestoreError, Unavailable};
pub use groups::family::FamilySnapshot;
pub use groups::rhythm::Rhythm;
pub use groups::role::{SavedRole, SavedSource};
pub use handle::checkpoint::Checkpoint;
pub use handle::group_scan::{DELETED_AT_A_TIME, GroupScan, LISTED_AT_A_TIME};
pub use handle::{Options, QUEUE_WAIT, SAVED_WAIT, Shards};
pub use index::{Cleared, Index};
pub use pages::page::{Block, Page};
pub use pages::part::Part;
pub use pages::rendering::{Deflated, Rendering, RenderingKey, kept_bytes};
pub use ruling::clock::ExpiryClock;
pub use ruling::lately::{EXPIRED_KEPT_MAX, ExpiredGroup, ExpiredLately};
pub use ruling::ledger::{JobCounts, Ledger};
pub use ruling::scrapers::{SCRAPER_WAIT, SCRAPERS_MAX, Scrapers};
pub use saving::changes::Changes;
pub use saving::dirty_groups::{HIDDEN_MARK, hidden_key};
pub use saving::group_snapshot::{GroupSnapshot, GroupTimes, SavedFamily, WriteRecord};
pub use store::Store;
pub use store::expire::{EXPIRED_AT_A_TIME, Looked};
pub use store::place::Placement;
pub use store::plan::{GROUP_BYTES_MAX, How, Mode};
pub use store::replay::UnhashedGroup;
pub use store::restore::RestoredGroup;
pub use store::snapshot::{HomedPage, Piece, Selection, Snapshot};
pub use store::views::{Expiry, FamilyView, GroupRef, GroupSummary, GroupView};
pub use store::wipe::Remains;
pub use task::Saving;
pub use task::lanes::{COMMANDS_LEN, QUEUE_LEN};
pub use task::stats::ShardStats;
pub use task::waiter::Waiter;
pub use timestamp::Timestamp;
