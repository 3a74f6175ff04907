//! The store in a file: redb, with the records in one table and what tells about them in another.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableHandle,
};

use super::file::LockedFile;
use super::held::Held;
use super::storage::{Change, Storage, StorageError};

/// The version of the tables' format.
pub(super) const FORMAT: u64 = 1;

/// How much of the file is kept in memory.
const CACHE_BYTES: usize = 64 << 20;

const GROUPS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("groups");
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("shardgate");
/// In the latter: the version of the format, and the number of the last commit.
const FORMAT_KEY: &str = "format";
const SEQUENCE_KEY: &str = "sequence";

/// How every file of redb begins.
const REDB_MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// An open store.
#[derive(Debug)]
pub struct Store<B> {
    database: Database,
    backend: Held<B>,
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

/// Makes an empty store. It comes to be whole or not at all, so that a crash leaves nothing that a later
/// start would take for somebody else's. It stays locked until it has its name: who locks what is unfinished
/// after that finds the store there.
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
        let mut store = Store::of(backend)?;
        store.commit(0, &[])?;
        Ok(store)
    }

    /// Opens a store.
    ///
    /// # Errors
    /// When it cannot be read, or is not what a gateway wrote.
    pub fn open(backend: B) -> Result<Store<B>, StorageError> {
        check_beginning(&backend)?;
        // redb promises errors for what is broken. Should it break that, this is still no reason to die.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let store = Store::of(backend)?;
            store.check_format()?;
            Ok(store)
        }));
        opened.unwrap_or_else(|_| Err(StorageError::Damaged("it cannot be made sense of".into())))
    }

    fn of(backend: B) -> Result<Store<B>, StorageError> {
        let backend = Held::new(backend);
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(backend.clone()).map_err(reading)?;
        Ok(Store { database, backend })
    }

    fn check_format(&self) -> Result<(), StorageError> {
        let transaction = self.database.begin_read().map_err(reading)?;
        let mut tables = transaction.list_tables().map_err(reading)?;
        if !tables.any(|table| table.name() == ABOUT.name()) {
            return Err(StorageError::Foreign("a redb file of another program"));
        }
        match self.about(FORMAT_KEY)? {
            FORMAT => Ok(()),
            newer => Err(StorageError::Newer(newer)),
        }
    }

    fn about(&self, key: &str) -> Result<u64, StorageError> {
        let transaction = self.database.begin_read().map_err(reading)?;
        let table = transaction.open_table(ABOUT).map_err(reading)?;
        let value = table.get(key).map_err(reading)?;
        let value = value.map(|value| value.value());
        value.ok_or_else(|| StorageError::Damaged(format!("it does not tell its {key}")))
    }
}

impl<B: StorageBackend> Storage for Store<B> {
    fn load(
        &self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<u64, StorageError> {
        let transaction = self.database.begin_read().map_err(reading)?;
        let table = transaction.open_table(GROUPS).map_err(reading)?;
        for stored in table.iter().map_err(reading)? {
            let (_, record) = stored.map_err(reading)?;
            each(record.value())?;
        }
        self.sequence()
    }

    fn sequence(&self) -> Result<u64, StorageError> {
        self.about(SEQUENCE_KEY)
    }

    fn accept(&mut self) -> Result<(), StorageError> {
        Ok(self.backend.let_through()?)
    }

    fn commit(&mut self, sequence: u64, changes: &[Change<'_>]) -> Result<(), StorageError> {
        let mut transaction = self.database.begin_write().map_err(writing)?;
        // Costs a second sync, and tells a commit that was torn from one that was changed later.
        transaction.set_two_phase_commit(true);
        {
            let mut groups = transaction.open_table(GROUPS).map_err(writing)?;
            for (key, record) in changes {
                match record {
                    Some(record) => groups.insert(&***key, *record).map(drop),
                    None => groups.remove(&***key).map(drop),
                }
                .map_err(writing)?;
            }
            let mut about = transaction.open_table(ABOUT).map_err(writing)?;
            about.insert(FORMAT_KEY, FORMAT).map_err(writing)?;
            about.insert(SEQUENCE_KEY, sequence).map_err(writing)?;
        }
        transaction.commit().map_err(writing)
    }

    fn compact(&mut self) -> Result<(), StorageError> {
        self.database.compact().map(drop).map_err(writing)
    }

    fn bytes(&self) -> u64 {
        self.backend.len().unwrap_or_default()
    }

    fn written_bytes(&self) -> u64 {
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
        "it is one of the Pushgateway, whose format is another"
    } else {
        "it does not begin like one"
    }))
}

/// What it means that the store cannot be read.
fn reading(error: impl Into<redb::Error>) -> StorageError {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => StorageError::Locked,
        redb::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            StorageError::Damaged("its end is missing".into())
        }
        redb::Error::Io(error) => error.into(),
        error => StorageError::Damaged(error.to_string()),
    }
}

/// What it means that it cannot be written.
fn writing(error: impl Into<redb::Error>) -> StorageError {
    StorageError::Failed(error.into().to_string())
}
