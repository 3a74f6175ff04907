//! The words of the protobuf exposition format, shared by pushes and scrapes.
//!
//! The decoder of pushes checks what clients send. Nothing is checked here.

mod classic;
mod native;
mod schema;
mod wire;

pub(crate) use classic::write_histogram;
pub(crate) use native::NativeHistogram;
pub(crate) use schema::{
    bucket, counter, exemplar, family, histogram, kind_of, label, metric, number_of, quantile,
    span, summary, timestamp, value, value_field,
};
pub(crate) use wire::{
    Field, fields, label_of, write_bytes, write_double, write_message, write_varint,
};
