//! A tiny encoder: a message is its fields, one after the other.

use prost::encoding::{WireType, encode_key, encode_varint};

pub(super) fn uint(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::Varint, &mut out);
    encode_varint(value, &mut out);
    out
}

pub(super) fn sint(number: u32, value: i64) -> Vec<u8> {
    uint(number, (value << 1 ^ value >> 63) as u64)
}

pub(super) fn double(number: u32, value: f64) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::SixtyFourBit, &mut out);
    out.extend(value.to_le_bytes());
    out
}

pub(super) fn bytes(number: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut out);
    out.extend(delimited(value));
    out
}

/// A message in a field, or behind its length.
pub(super) fn message(number: u32, fields: &[Vec<u8>]) -> Vec<u8> {
    bytes(number, fields.concat())
}

pub(super) fn delimited(value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_varint(value.as_ref().len() as u64, &mut out);
    out.extend(value.as_ref());
    out
}

pub(super) const COUNTER: u64 = 0;
pub(super) const GAUGE: u64 = 1;
pub(super) const SUMMARY: u64 = 2;
pub(super) const UNTYPED: u64 = 3;
pub(super) const HISTOGRAM: u64 = 4;
pub(super) const GAUGE_HISTOGRAM: u64 = 5;

/// A family, behind its length.
pub(super) fn family(name: &str, kind: u64, metrics: &[Vec<u8>]) -> Vec<u8> {
    delimited([bytes(1, name), uint(3, kind), metrics.concat()].concat())
}

pub(super) fn metric(fields: &[Vec<u8>]) -> Vec<u8> {
    message(4, fields)
}

pub(super) fn label(name: &str, value: &str) -> Vec<u8> {
    message(1, &[bytes(1, name), bytes(2, value)])
}

pub(super) fn gauge(value: f64) -> Vec<u8> {
    message(2, &[double(1, value)])
}

pub(super) fn counter(value: f64) -> Vec<u8> {
    message(3, &[double(1, value)])
}

pub(super) fn summary(fields: &[Vec<u8>]) -> Vec<u8> {
    message(4, fields)
}

pub(super) fn quantile(bound: f64, value: f64) -> Vec<u8> {
    message(3, &[double(1, bound), double(2, value)])
}

pub(super) fn untyped(value: f64) -> Vec<u8> {
    message(5, &[double(1, value)])
}

pub(super) fn histogram(fields: &[Vec<u8>]) -> Vec<u8> {
    message(7, fields)
}

pub(super) fn bucket(bound: f64, count: u64) -> Vec<u8> {
    message(3, &[uint(1, count), double(2, bound)])
}

/// A span of native buckets, on the negative side (9) or the positive one (12).
pub(super) fn span(side: u32, offset: i64, length: u64) -> Vec<u8> {
    message(side, &[sint(1, offset), uint(2, length)])
}

pub(super) fn exemplar(number: u32) -> Vec<u8> {
    message(number, &[label("trace", "t"), double(2, 0.5), message(3, &[uint(1, 7), uint(2, 8)])])
}
