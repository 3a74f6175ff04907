//! One entry: what a message of the stream says, with a version and a checksum.
//!
//! ```text
//! entry    magic "shardlog", u32 version, u8 kind, u64 term, u64 serial, u64 time, string id, string url, records,
//!          u128 XXH3 of everything before
//! kind     1: a part of an epoch, 2: its last part, 3: a takeover, 4: a resignation
//! string   u32 bytes, bytes
//! ```
//!
//! Numbers are little-endian, the time is in nanoseconds since 1970. The records of all parts of an epoch are one run
//! of bytes, cut anywhere. An author counts its entries (`serial`). The term is the sequence of its takeover.
//!
//! In version 2 the records are compressed: a u32 with their bytes, and an LZ4 block. The groups of one epoch are much like each other, and
//! three NATS servers copy and store each byte several times. An entry that compression would not make smaller has version 1.

use std::sync::Arc;

use bytes::Bytes;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};
use xxhash_rust::xxh3::xxh3_128;

use crate::shard::Timestamp;

const MAGIC: &[u8; 8] = b"shardlog";
/// The versions of the format: with plain and with compressed records. A replica that reads a later one steps back.
const PLAIN_VERSION: u32 = 1;
const COMPRESSED_VERSION: u32 = 2;
/// Where the version is.
const VERSION_AT: usize = MAGIC.len();
const CHECKSUM_BYTES: usize = 16;
/// How many bytes of records an entry has at most.
pub(super) const RECORDS_BYTES_MAX: usize = 512 << 10;
/// Fewer bytes of records are not compressed.
const COMPRESSED_FROM_BYTES: usize = 256;

/// A replica, as its entries name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    /// The random name of its process.
    pub(super) id: String,
    /// Where it is reached.
    pub(super) url: String,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of an epoch. Without its last part an epoch counts for nothing.
    Part { is_last: bool },
    /// From now on its author leads.
    Takeover,
    /// Its author leads no more.
    Resignation,
}

/// What one message of the stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) author: Arc<Author>,
    pub(super) term: u64,
    pub(super) serial: u64,
    pub(super) time: Timestamp,
    pub(super) kind: Kind,
    pub(super) records: Bytes,
}

/// Why a message is no entry that this replica can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("has version {0} of the format, of a newer shardgate than this; update this replica")]
    Newer(u32),
    #[error("is not one of shardgate; another program writes to its subject")]
    Foreign,
    #[error("is damaged")]
    Damaged,
}

impl Entry {
    /// Whether both are the same entry of the same author.
    pub(super) fn is(&self, other: &Entry) -> bool {
        self.author.id == other.author.id && self.serial == other.serial
    }

    /// The message.
    pub(super) fn encode(&self) -> Bytes {
        let Entry { author, term, serial, time, kind, records } = self;
        let mut out = Vec::with_capacity(128 + records.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&PLAIN_VERSION.to_le_bytes());
        out.push(match kind {
            Kind::Part { is_last: false } => 1,
            Kind::Part { is_last: true } => 2,
            Kind::Takeover => 3,
            Kind::Resignation => 4,
        });
        for number in [*term, *serial, time.nanos()] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for string in [&author.id, &author.url] {
            out.extend_from_slice(&(string.len() as u32).to_le_bytes());
            out.extend_from_slice(string.as_bytes());
        }
        if !compress(records, &mut out) {
            out.extend_from_slice(records);
        }
        out.extend_from_slice(&xxh3_128(&out).to_le_bytes());
        out.into()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Why it is no entry.
    pub(super) fn decode(message: &Bytes) -> Result<Entry, EntryError> {
        let mut rest = &message[..];
        if take(&mut rest, MAGIC.len()).map_err(|_| EntryError::Foreign)? != MAGIC {
            return Err(EntryError::Foreign);
        }
        let version = u32::from_le_bytes(array(&mut rest)?);
        let sealed = message.len().checked_sub(CHECKSUM_BYTES).ok_or(EntryError::Damaged)?;
        if xxh3_128(&message[..sealed]).to_le_bytes() != message[sealed..] {
            return Err(EntryError::Damaged);
        }
        if !(PLAIN_VERSION..=COMPRESSED_VERSION).contains(&version) {
            return Err(EntryError::Newer(version));
        }
        let kind = match take(&mut rest, 1)?[0] {
            1 => Kind::Part { is_last: false },
            2 => Kind::Part { is_last: true },
            3 => Kind::Takeover,
            4 => Kind::Resignation,
            _ => return Err(EntryError::Damaged),
        };
        let mut number = || array(&mut rest).map(u64::from_le_bytes);
        let (term, serial, time) = (number()?, number()?, Timestamp::from_nanos(number()?));
        let mut string = || {
            let bytes = u32::from_le_bytes(array(&mut rest)?) as usize;
            let string = std::str::from_utf8(take(&mut rest, bytes)?);
            string.map(str::to_owned).map_err(|_| EntryError::Damaged)
        };
        let author = Arc::new(Author { id: string()?, url: string()? });
        let start = message.len() - rest.len();
        if start > sealed {
            return Err(EntryError::Damaged);
        }
        let records = match version {
            COMPRESSED_VERSION => decompress(&message[start..sealed])?,
            _ => message.slice(start..sealed),
        };
        Ok(Entry { author, term, serial, time, kind, records })
    }
}

/// Appends the records compressed, and says so in the version. Answers whether that is worth it; if not, nothing has changed.
fn compress(records: &[u8], out: &mut Vec<u8>) -> bool {
    if records.len() < COMPRESSED_FROM_BYTES {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(&(records.len() as u32).to_le_bytes());
    let block = out.len();
    out.resize(block + get_maximum_output_size(records.len()), 0);
    let compressed = compress_into(records, &mut out[block..]).unwrap_or(records.len());
    let is_smaller = compressed + size_of::<u32>() < records.len();
    out.truncate(if is_smaller { block + compressed } else { start });
    if is_smaller {
        out[VERSION_AT..][..size_of::<u32>()].copy_from_slice(&COMPRESSED_VERSION.to_le_bytes());
    }
    is_smaller
}

fn decompress(mut block: &[u8]) -> Result<Bytes, EntryError> {
    let bytes = u32::from_le_bytes(array(&mut block)?) as usize;
    if bytes > RECORDS_BYTES_MAX {
        return Err(EntryError::Damaged);
    }
    let mut records = vec![0; bytes];
    match decompress_into(block, &mut records) {
        Ok(written) if written == bytes => Ok(records.into()),
        _ => Err(EntryError::Damaged),
    }
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], EntryError> {
    let (taken, left) = rest.split_at_checked(bytes).ok_or(EntryError::Damaged)?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EntryError> {
    take(rest, N)?.try_into().map_err(|_| EntryError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind) -> Entry {
        let author = Author { id: "a1".into(), url: "http://a:9091".into() };
        Entry {
            author: Arc::new(author),
            term: 3,
            serial: 7,
            time: Timestamp::from_nanos(9),
            kind,
            records: Bytes::from_static(b"records"),
        }
    }

    #[test]
    fn an_entry_reads_back_and_any_changed_byte_shows() {
        for kind in [
            Kind::Part { is_last: false },
            Kind::Part { is_last: true },
            Kind::Takeover,
            Kind::Resignation,
        ] {
            let entry = entry(kind);
            let message = entry.encode();
            assert_eq!(Entry::decode(&message), Ok(entry));
            for at in 0..message.len() {
                let mut changed = message.to_vec();
                changed[at] ^= 1;
                assert!(Entry::decode(&changed.into()).is_err(), "byte {at}");
                assert!(Entry::decode(&message.slice(..at)).is_err(), "cut at {at}");
            }
        }
    }

    fn seal(message: &mut [u8]) {
        let sealed = message.len() - CHECKSUM_BYTES;
        let checksum = xxh3_128(&message[..sealed]).to_le_bytes();
        message[sealed..].copy_from_slice(&checksum);
    }

    #[test]
    fn records_that_are_alike_take_little_room_and_others_no_more_than_they_are() {
        let alike: Vec<u8> =
            (0..9000).flat_map(|at| format!("a{{job=\"b\"}} {at}\n").into_bytes()).collect();
        let mut random = 7_u64;
        let noise = (0..9000).map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 56) as u8
        });
        let noise: Vec<u8> = noise.collect();
        for (records, bytes_max) in [
            (&alike, alike.len() / 2),
            (&noise, noise.len() + 128),
            (&vec![7; RECORDS_BYTES_MAX], 4096),
        ] {
            let records = Bytes::from(records.clone());
            let entry = Entry { records, ..entry(Kind::Part { is_last: true }) };
            let message = entry.encode();
            assert!(message.len() < bytes_max, "{} of {}", message.len(), entry.records.len());
            assert_eq!(Entry::decode(&message), Ok(entry));
        }
    }

    #[test]
    fn compressed_records_that_say_another_size_are_damaged_though_the_checksum_holds() {
        let records = Bytes::from(vec![7; 9000]);
        let message = Entry { records, ..entry(Kind::Takeover) }.encode();
        let at =
            message.windows(4).position(|it| it == 9000_u32.to_le_bytes()).expect("it is there");
        for size in [0_u32, 8999, 9001, 512 << 10, (512 << 10) + 1, u32::MAX] {
            let mut message = message.to_vec();
            message[at..at + 4].copy_from_slice(&size.to_le_bytes());
            seal(&mut message);
            assert_eq!(Entry::decode(&message.into()), Err(EntryError::Damaged), "{size}");
        }
    }

    #[test]
    fn an_entry_of_a_later_version_says_so() {
        let mut message = entry(Kind::Takeover).encode().to_vec();
        message[VERSION_AT] = 3;
        seal(&mut message);
        assert_eq!(Entry::decode(&message.into()), Err(EntryError::Newer(3)));
        assert_eq!(Entry::decode(&Bytes::from_static(b"hello")), Err(EntryError::Foreign));
    }
}
