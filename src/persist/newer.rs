//! Which of the last two commits of a redb file to begin with.
//!
//! redb writes a commit beside the one before, syncs it, and then, by a single bit that no checksum covers,
//! makes it the one that counts. Should that bit rot, the commit before would be taken for the last, and
//! nothing would tell. So the newer of the two is tried first, whichever counts.
//! It can only be used where every page of it is whole. One that a crash tore is not; one that is whole,
//! but had not come to count, may as well: whether it was made is in doubt either way.

use std::io;

use redb::StorageBackend;
use xxhash_rust::xxh3::xxh3_128;

/// Where the flags stand, and one of them: that the second of the commits counts.
const FLAGS_AT: usize = 9;
const SECOND_COUNTS: u8 = 1;

/// Where the commits stand, and in each of them its number, and the checksum of what is before that.
const COMMITS_AT: [usize; 2] = [64, 192];
const NUMBER_AT: usize = 104;
const CHECKSUM_AT: usize = 112;
const HEAD_BYTES: usize = 320;

/// Makes the newer commit count, where it does not. Answers whether that was so.
///
/// # Errors
/// When the file cannot be read or written.
pub(super) fn prefer(file: &impl StorageBackend) -> io::Result<bool> {
    let mut head = [0; HEAD_BYTES];
    if file.len()? < HEAD_BYTES as u64 {
        return Ok(false);
    }
    file.read(0, &mut head)?;
    let flags = head[FLAGS_AT];
    let [Some(first), Some(second)] = COMMITS_AT.map(|at| number(&head[at..])) else {
        return Ok(false);
    };
    let is_other_newer = if flags & SECOND_COUNTS == 0 { second > first } else { first > second };
    if is_other_newer {
        file.write(FLAGS_AT as u64, &[flags ^ SECOND_COUNTS])?;
    }
    Ok(is_other_newer)
}

/// The number of a commit, if it is whole.
fn number(commit: &[u8]) -> Option<u64> {
    let checksum = xxh3_128(&commit[..CHECKSUM_AT]).to_le_bytes();
    let number = commit[NUMBER_AT..CHECKSUM_AT].try_into().ok()?;
    commit[CHECKSUM_AT..].starts_with(&checksum).then_some(u64::from_le_bytes(number))
}
