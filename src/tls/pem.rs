//! PEM texts: in the web configuration itself, or in files that it names.

use std::borrow::Cow;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::web::Pem;

/// Reads a file; the error names it.
pub(super) type Read<'a> = dyn FnMut(&Path) -> Result<Vec<u8>, String> + 'a;

/// The certificates of a PEM text; at least one.
pub(super) fn certificates(
    pem: &Pem,
    key: &str,
    read: &mut Read<'_>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(pem, read)?).collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!("{}: no certificate", name(pem, key))),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{}: {error}", name(pem, key))),
    }
}

pub(super) fn text<'a>(pem: &'a Pem, read: &mut Read<'_>) -> Result<Cow<'a, [u8]>, String> {
    match pem {
        Pem::Inline(text) => Ok(text.as_bytes().into()),
        Pem::File(path) => read(path).map(Cow::Owned),
    }
}

/// What to call it in an error: the file, or the key of the configuration it stands under.
pub(super) fn name(pem: &Pem, key: &str) -> String {
    match pem {
        Pem::Inline(_) => key.to_owned(),
        Pem::File(path) => path.display().to_string(),
    }
}
