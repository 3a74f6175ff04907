//! The database in the persistence file: redb, with one table of segments and one table about the store.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableHandle,
};

use super::error::StorageError;
use super::file::LockedFile;
use super::segment_writer::{SegmentWriter, records};
use super::segments::Segments;
use super::staged::Staged;

/// The version of the tables' format.
pub(super) const FORMAT: u64 = 1;

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 64 << 20;

const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("shardgate");
/// In the latter: the version of the format, and the number of the last commit.
const FORMAT_KEY: &str = "format";
const SEQUENCE_KEY: &str = "sequence";
/// And which store it is.
const ID_KEY: &str = "id";

/// How every file of redb begins.
const REDB_MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// What a commit changes about one group: its record, or that there is none any more.
pub type Change<'a> = (&'a Arc<str>, Option<&'a [u8]>);

/// An open store. Owned by one thread.
#[derive(Debug)]
pub struct Store<B> {
    database: Database,
    backend: Staged<B>,
    segments: Segments,
}

impl Store<LockedFile> {
    /// Opens the store at `path`, making one where there is none. Every page is checked; nothing is
    /// written to a file that is there until it is accepted.
    ///
    /// # Errors
    /// When it cannot be opened, is in use, or is not what a gateway wrote.
    pub fn open_or_create(path: &Path) -> Result<Store<LockedFile>, StorageError> {
        if !path.try_exists()? {
            create(path)?;
        }
        Store::open(LockedFile::open(path)?)
    }
}

/// Makes an empty store, as a whole or not at all: it gets its name when it is complete. The unfinished file stays
/// locked until then. Another gateway that waits for the lock finds the finished store.
fn create(path: &Path) -> Result<(), StorageError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let file = LockedFile::open_or_create(unfinished)?;
    if path.try_exists()? {
        return Ok(());
    }
    file.set_len(0)?;
    let mut store = Store::create_in(file)?;
    store.accept()?;
    std::fs::rename(unfinished, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

impl<B: StorageBackend> Store<B> {
    /// Makes an empty store.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_in(backend: B) -> Result<Store<B>, StorageError> {
        let mut store = Store::of(Staged::new(backend))?;
        store.commit(0, &[])?;
        Ok(store)
    }

    /// Opens a store.
    ///
    /// # Errors
    /// When it cannot be read, or is not what a gateway wrote.
    pub fn open(backend: B) -> Result<Store<B>, StorageError> {
        check_beginning(&backend)?;
        Store::checked(Staged::new(backend))
    }

    fn checked(backend: Staged<B>) -> Result<Store<B>, StorageError> {
        // redb promises errors for what is broken. Should it break that, this is still no reason to die.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let store = Store::of(backend)?;
            store.check_format()?;
            Ok(store)
        }));
        opened.unwrap_or_else(|_| Err(StorageError::Damaged("it cannot be made sense of".into())))
    }

    fn of(backend: Staged<B>) -> Result<Store<B>, StorageError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database =
            builder.create_with_backend(backend.clone()).map_err(StorageError::reading)?;
        Ok(Store { database, backend, segments: Segments::default() })
    }

    fn check_format(&self) -> Result<(), StorageError> {
        let transaction = self.database.begin_read().map_err(StorageError::reading)?;
        let mut tables = transaction.list_tables().map_err(StorageError::reading)?;
        if !tables.any(|table| table.name() == ABOUT.name()) {
            return Err(StorageError::Foreign("a redb file of another program"));
        }
        match self.about(FORMAT_KEY)? {
            FORMAT => Ok(()),
            newer => Err(StorageError::Newer(newer)),
        }
    }

    /// Commits the same state once more. redb keeps the last two commits, and opens the older one when the newer is
    /// damaged, or when a single bit that no checksum covers says so. After this both commits have the same state: if one
    /// is damaged later, the file opens with the same state or counts as damaged, and never with an older state.
    fn repeat(&self, sequence: u64) -> Result<(), StorageError> {
        let transaction = self.database.begin_write().map_err(StorageError::writing)?;
        let mut about = transaction.open_table(ABOUT).map_err(StorageError::writing)?;
        about.insert(SEQUENCE_KEY, sequence).map_err(StorageError::writing)?;
        drop(about);
        transaction.commit().map_err(StorageError::writing)
    }

    fn about(&self, key: &str) -> Result<u64, StorageError> {
        let transaction = self.database.begin_read().map_err(StorageError::reading)?;
        let table = transaction.open_table(ABOUT).map_err(StorageError::reading)?;
        let value = table.get(key).map_err(StorageError::reading)?;
        let value = value.map(|value| value.value());
        value.ok_or_else(|| StorageError::Damaged(format!("it does not tell its {key}")))
    }
}

impl<B: StorageBackend> Store<B> {
    /// Shows the last record of every group, in any order, and answers the sequence of the last commit. To be
    /// called once, before the first commit.
    ///
    /// # Errors
    /// When not all records can be read, or with what `each` answers.
    pub fn load(
        &mut self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<u64, StorageError> {
        let transaction = self.database.begin_read().map_err(StorageError::reading)?;
        let table = transaction.open_table(SEGMENTS).map_err(StorageError::reading)?;
        let mut gone = HashSet::new();
        // From the newest on: the first that is found of a group is its last.
        for stored in table.iter().map_err(StorageError::reading)?.rev() {
            let (number, segment) = stored.map_err(StorageError::reading)?;
            for record in records(segment.value()) {
                let record = record?;
                let (key, bytes) = (record.key()?, record.bytes.len());
                if self.segments.holds(key) || gone.contains(key) {
                    self.segments.write_dead(number.value(), bytes);
                } else if record.is_gone() {
                    gone.insert(key.to_owned());
                    self.segments.write_dead(number.value(), bytes);
                } else {
                    each(record.bytes)?;
                    self.segments.write(number.value(), Arc::from(key), bytes);
                }
            }
        }
        self.about(SEQUENCE_KEY)
    }

    /// A number that no other store has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn id(&self) -> Result<u64, StorageError> {
        self.about(ID_KEY)
    }

    /// Releases what opening the store has written: the store has been read to its end, and is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accept(&mut self) -> Result<(), StorageError> {
        Ok(self.backend.release()?)
    }

    /// Makes all changes, or none. They are on disk once this returns; when it fails, they may be.
    ///
    /// # Errors
    /// When the changes are not known to be on disk. The store knows no longer where its records are, and must be
    /// opened again.
    pub fn commit(&mut self, sequence: u64, changes: &[Change<'_>]) -> Result<(), StorageError> {
        let transaction = self.database.begin_write().map_err(StorageError::writing)?;
        {
            let table = transaction.open_table(SEGMENTS).map_err(StorageError::writing)?;
            let mut writer = SegmentWriter::new(table, &mut self.segments);
            for (key, record) in changes {
                match record {
                    Some(record) => writer.add(key, record)?,
                    None => writer.add_gone(key, sequence)?,
                }
            }
            writer.give_up_old()?;
            writer.finish()?;
            let mut about = transaction.open_table(ABOUT).map_err(StorageError::writing)?;
            about.insert(FORMAT_KEY, FORMAT).map_err(StorageError::writing)?;
            about.insert(SEQUENCE_KEY, sequence).map_err(StorageError::writing)?;
            if sequence == 0 {
                let id = ahash::RandomState::new().hash_one(std::process::id());
                about.insert(ID_KEY, id).map_err(StorageError::writing)?;
            }
        }
        transaction.commit().map_err(StorageError::writing)?;
        self.repeat(sequence)
    }

    /// Whether a commit without changes would make the store smaller.
    pub fn is_wasteful(&self) -> bool {
        self.segments.to_give_up().is_some()
    }

    /// Gives up room that nothing is stored in. May take as long as to write everything.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn compact(&mut self) -> Result<(), StorageError> {
        self.database.compact().map(drop).map_err(StorageError::writing)
    }

    /// How many bytes of disk the store takes.
    pub fn bytes(&self) -> u64 {
        self.backend.len().unwrap_or_default()
    }

    /// How many bytes have been written since the store was opened.
    pub fn written_bytes(&self) -> u64 {
        self.backend.written_bytes()
    }
}

/// Tells files of others by how they begin, before redb is shown them.
fn check_beginning(file: &impl StorageBackend) -> Result<(), StorageError> {
    let mut beginning = vec![0; file.len()?.min(1024) as usize];
    file.read(0, &mut beginning)?;
    if beginning.starts_with(REDB_MAGIC) {
        return Ok(());
    }
    if beginning.is_empty() {
        return Err(StorageError::Foreign("it is empty; remove it to start without groups"));
    }
    let is_of_reference = memchr::memmem::find(&beginning, b"MetricGroup").is_some();
    Err(StorageError::Foreign(if is_of_reference {
        "it is one of the Pushgateway, whose format is another: shardgate import --gob takes its groups over"
    } else {
        "it does not begin like one"
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::persist::record::{self, Record, seal};

    /// Storage that outlasts the store in it.
    #[derive(Debug, Clone, Default)]
    struct Memory(Arc<InMemoryBackend>);

    impl StorageBackend for Memory {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            StorageBackend::read(&*self.0, offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.0.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            StorageBackend::write(&*self.0, offset, data)
        }
    }

    /// A sealed record of the group, of about so many bytes. What else it says does not matter here.
    fn record(key: &str, sequence: u64, bytes: usize) -> Vec<u8> {
        let mut record = record::gone(key, sequence);
        record[24] = 0;
        let payload_end = record.len() - 16;
        record.splice(payload_end..payload_end, std::iter::repeat_n(b'x', bytes));
        let payload_bytes = (record.len() - 40) as u32;
        record[12..16].copy_from_slice(&payload_bytes.to_le_bytes());
        seal(&mut record, sequence).expect("it is small");
        record
    }

    fn load(storage: &Memory) -> (Store<Memory>, BTreeMap<String, Vec<u8>>) {
        let mut store = Store::open(storage.clone()).expect("it is a store");
        let mut groups = BTreeMap::new();
        let loading = store.load(&mut |bytes| {
            let key = Record::read(bytes)?.key()?.to_owned();
            assert!(groups.insert(key, bytes.to_vec()).is_none(), "each group is shown once");
            Ok(())
        });
        loading.expect("it is whole");
        store.accept().expect("memory does not fail");
        (store, groups)
    }

    #[test]
    fn what_was_committed_last_is_what_is_loaded_and_little_else_is_kept() {
        let storage = Memory::default();
        let mut created = Store::create_in(storage.clone()).expect("memory does not fail");
        created.accept().expect("memory does not fail");
        drop(created);
        let (mut store, mut expected) = load(&storage);
        let mut random = 1_u64;
        let mut next = move |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        for sequence in 1..200 {
            let mut changed = BTreeMap::new();
            for _ in 0..next(60) {
                let key: Arc<str> = format!("group-{}", next(300)).into();
                let is_gone = next(if sequence % 100 > 80 { 2 } else { 8 }) == 0;
                let bytes = if next(50) == 0 { 300_000 } else { 5_000 };
                changed.insert(key.clone(), (!is_gone).then(|| record(&key, sequence, bytes)));
            }
            let changes: Vec<Change<'_>> =
                changed.iter().map(|(key, record)| (key, record.as_deref())).collect();
            store.commit(sequence, &changes).expect("memory does not fail");
            for (key, record) in &changed {
                match record {
                    Some(record) => expected.insert(key.to_string(), record.clone()),
                    None => expected.remove(&**key),
                };
            }
            let living: usize = expected.values().map(Vec::len).sum();
            assert_eq!(store.segments.living_bytes(), living as u64);
            if sequence % 37 == 0 {
                drop(store);
                let loaded;
                (store, loaded) = load(&storage);
                assert!(loaded == expected, "after commit {sequence}");
                assert_eq!(store.segments.living_bytes(), living as u64);
            }
        }
        for sequence in 200..250 {
            store.commit(sequence, &[]).expect("memory does not fail");
        }
        assert!(!store.is_wasteful());
        store.compact().expect("memory does not fail");
        let (bytes, living) = (store.bytes(), store.segments.living_bytes());
        assert!(bytes < 4 * living, "{bytes} bytes of disk for {living}");
    }
}
