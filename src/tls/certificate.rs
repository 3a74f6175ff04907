//! Reads the names, the purposes and the validity of a certificate.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Tag, Tagged};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

use crate::listen::ClientCertificate;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A well-formed certificate. It need not keep to all of RFC 5280: certificates in use do not.
#[derive(Debug)]
pub(super) struct Certificate(CertificateInner<Raw>);

impl Certificate {
    /// Reads a certificate, which has nothing behind it.
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Certificate, Error> {
        CertificateInner::from_der(der).map(Certificate).map_err(|_| bad_encoding())
    }

    /// The names in it.
    pub(super) fn subject(&self) -> ClientCertificate {
        let certificate = self.0.tbs_certificate();
        let names = certificate.subject().iter().filter(|name| name.oid == COMMON_NAME);
        let common_name = names.last().and_then(|name| {
            let is_text =
                matches!(name.value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
            std::str::from_utf8(name.value.value()).ok().filter(|_| is_text).map(str::to_owned)
        });
        let names = certificate.get_extension::<SubjectAltName>().ok().flatten();
        let names = names.iter().flat_map(|(_, names)| &names.0);
        ClientCertificate { common_name, alternative_names: names.filter_map(as_text).collect() }
    }

    /// Whether it is valid at `now`.
    pub(super) fn is_current(&self, now: UnixTime) -> bool {
        let validity = self.0.tbs_certificate().validity();
        let [from, until] =
            [validity.not_before, validity.not_after].map(|time| time.to_unix_duration().as_secs());
        (from..=until).contains(&now.as_secs())
    }

    /// Whether a client may use it.
    pub(super) fn is_for_clients(&self) -> Result<bool, Error> {
        let purposes = self.0.tbs_certificate().get_extension::<ExtendedKeyUsage>();
        let purposes = purposes.map_err(|_| bad_encoding())?;
        Ok(purposes.is_none_or(|(_, ExtendedKeyUsage(purposes))| {
            purposes.iter().any(|purpose| [CLIENT_AUTH, ANY_PURPOSE].contains(purpose))
        }))
    }

    /// Its public key, as it is encoded.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        self.0.tbs_certificate().subject_public_key_info().to_der().ok()
    }
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}

/// A name as Go writes it, if it is of a kind that may be allowed.
fn as_text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name)
        | GeneralName::Rfc822Name(name)
        | GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(bytes.as_bytes()).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(bytes.as_bytes()).map(IpAddr::from);
            Some(v4.or_else(|_| v6()).ok()?.to_canonical().to_string())
        }
        _ => None,
    }
}
