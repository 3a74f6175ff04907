//! The shards: what is stored, and the tasks that own it.
//!
//! Groups are spread over N shards by the hash of their grouping key. Each shard is a [`Store`] owned
//! by one task and reached through a bounded channel, so nothing in it is locked. [`Shards`] is the
//! handle that the rest of the gateway clones.
//!
//! - `page`, `pages`: the rendered samples of one family, in pages of about 64 KiB that a scrape
//!   shares instead of copying.
//! - `store`: groups and families; plain and synchronous. `plan` is what a push will change in it, `check`
//!   whether it could.
//! - `snapshot`: what a scrape asks for, gets, and gives back. `jobs` and `select` find what belongs to
//!   some jobs, `part` what belongs to one scraper of several; `rendering` and `names` are what a
//!   scrape leaves with a page for the next one.
//! - `index`: the one thing the shards share: which types and series exist anywhere. A push locks
//!   parts of it only when it changes which those are.
//! - `budget`: how much may be stored, and who has how much of it; `weight`: what counts for how much.
//! - `lanes`: how commands overtake the pushes that are queued.
//! - `cut`: how the shards answer a scrape at one and the same moment.
//! - `scan`: all groups, some at a time, for the query API; `listed` is what there is to know of them there.
//! - `placed`: how a group is put in its place with times that it has brought along.
//! - `wipe`: how everything is forgotten at once.
//! - `dirty`: which groups have changed since they were written down, and `image`, what is written of a
//!   group. Who writes it, where and in what form is not known here.
//!
//! **Invariants:** only a shard's own task touches its groups. A group's pushes are applied in the
//! order they were sent. No two groups hold the same series, and a family has one kind everywhere.

mod budget;
mod error;
mod groups;
mod handle;
mod index;
mod pages;
mod saving;
mod store;
mod task;
mod timestamp;

pub use budget::{Bound, Budget, Full, Limits, Usage, Whose};
pub use error::{PushError, RestoreError, Unavailable};
pub use groups::family::FamilySnapshot;
pub use handle::checkpoint::Checkpoint;
pub use handle::group_scan::{DELETED_AT_A_TIME, LISTED_AT_A_TIME, GroupScan};
pub use handle::{Options, QUEUE_WAIT, SAVED_WAIT, Shards};
pub use index::{Cleared, Index};
pub use pages::page::{Block, Page};
pub use pages::part::Part;
pub use pages::rendering::{Deflated, Rendering, RenderingKey, kept_bytes};
pub use saving::changes::Changes;
pub use saving::group_snapshot::{SavedFamily, GroupSnapshot, GroupTimes, WriteRecord};
pub use store::Store;
pub use store::place::Placement;
pub use store::plan::{GROUP_BYTES_MAX, Mode};
pub use store::restore::RestoredGroup;
pub use store::snapshot::{HomedPage, Piece, Selection, Snapshot};
pub use store::views::{FamilyView, GroupRef, GroupSummary, GroupView};
pub use store::wipe::Remains;
pub use task::Saving;
pub use task::lanes::{COMMANDS_LEN, QUEUE_LEN};
pub use task::stats::ShardStats;
pub use task::waiter::Waiter;
pub use timestamp::Timestamp;
