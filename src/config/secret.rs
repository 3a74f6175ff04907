//! The secret of a replica set.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// The least length of a secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;
/// A longer file is not that of a secret.
const SECRET_BYTES_MAX: u64 = 4096;

/// The secret that all replicas of a set share. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Reads a secret from a file. Blanks and line ends around it do not count.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(file: &Path) -> Result<Secret, String> {
        let reading = || {
            let file = File::open(file)?;
            let mode = file.metadata()?.permissions().mode();
            let mut bytes = Vec::new();
            file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>((mode, bytes))
        };
        let shown = file.display();
        let (mode, bytes) = reading().map_err(|error| format!("{shown}: {error}"))?;
        if mode & 0o006 != 0 {
            return Err(format!(
                "{shown}: every user of this machine may read or change the secret: \
                 change the mode of the file with chmod o-rw {shown}"
            ));
        }
        let secret = bytes.trim_ascii();
        if bytes.len() as u64 > SECRET_BYTES_MAX {
            return Err(format!("{shown}: more than {SECRET_BYTES_MAX} bytes: not a secret"));
        }
        if secret.len() < SECRET_BYTES_MIN {
            let bytes = secret.len();
            return Err(format!(
                "{shown}: the secret has {bytes} bytes, and needs at least {SECRET_BYTES_MIN}: \
                 make one with openssl rand -hex 32"
            ));
        }
        Ok(Secret(secret.into()))
    }

    /// The secret as it is.
    pub fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
