//! The words of the protobuf exposition format, shared by pushes and scrapes.
//!
//! The decoder of pushes checks what clients send. Nothing is checked here.

mod schema;
mod wire;

pub(crate) use schema::{
    bucket, counter, exemplar, family, histogram, kind_of, label, metric, number_of, quantile,
    span, summary, timestamp, value, value_field,
};
pub(crate) use wire::{Field, fields, write_bytes, write_double, write_message, write_varint};
