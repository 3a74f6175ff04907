//! Files with the contents that were read, to notice changes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How large a file of settings may be.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// What has been read, by path. Contents are compared and not times: a replaced file may keep its time.
#[derive(Debug, Default, PartialEq)]
pub struct Files {
    read: BTreeMap<PathBuf, Result<Vec<u8>, String>>,
}

impl Files {
    /// Reads a file, and remembers what was in it.
    ///
    /// # Errors
    /// When it cannot be read or is too large: one line that begins with the path.
    pub fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let read = read(path);
        self.read.insert(path.to_owned(), read.clone());
        read
    }

    /// Whether a file is not as it was when it was read.
    pub(super) fn have_changed(&self) -> bool {
        self.read.iter().any(|(path, before)| read(path) != *before)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    contents(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    // To open a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut contents = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut contents)?;
    if contents.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(contents)
}
