//! Reads the names and the validity of a certificate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::listen::ClientCertificate;

/// Reads a certificate, which has nothing behind it.
pub(super) fn read<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::BadEncoding.into()),
    }
}

/// The names in it.
pub(super) fn subject(certificate: &X509Certificate<'_>) -> ClientCertificate {
    let common_name = certificate.subject().iter_common_name().last();
    let common_name = common_name.and_then(|name| name.as_str().ok()).map(str::to_owned);
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    ClientCertificate { common_name, alternative_names: names.filter_map(as_text).collect() }
}

/// Whether it is valid at `now`.
pub(super) fn is_current(certificate: &X509Certificate<'_>, now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    now.is_some_and(|now| certificate.validity().is_valid_at(now))
}

/// A name as Go writes it, if it is of a kind that may be allowed.
fn as_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
            let v6 = || <[u8; 16]>::try_from(*bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
            Some(v4.or_else(|_| v6()).ok()?.to_canonical().to_string())
        }
        _ => None,
    }
}
