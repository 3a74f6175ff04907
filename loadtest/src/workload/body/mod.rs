//! Bodies: what pushes carry, built once before the run.
//!
//! A generated body begins as [`family::Family`]s, made from the seed, and is written out as
//! [`text`] or [`protobuf`]; a body from a file is text already. Either way the result is bytes,
//! and the places in them that change from push to push.

mod family;
mod gzip;
mod marking;
mod protobuf;
mod read;
mod shape;
mod text;
mod values;

use std::sync::Arc;

pub(crate) use gzip::Gzip;
pub(crate) use values::Values;

use super::rng::Rng;
use crate::profile::{Body, Format, Profile, Source};

/// The families that carry a push's mark, when a run is verified: the first and the last of the
/// body, so that a push applied by half shows.
pub(crate) const MARK_FAMILIES: [&str; 2] = ["loadtest_push_first", "loadtest_push_last"];
/// The family that only a [`post_body`] brings.
pub(crate) const ADDED_FAMILY: &str = "loadtest_push_added";
/// Marks have ten digits, so that they stand in the text without padding.
pub(crate) const FIRST_MARK: u64 = 1_000_000_000;

/// One kind of body; each connection works on a copy of the bytes.
#[derive(Clone, Debug)]
pub(crate) struct BodyTemplate {
    pub(crate) bytes: Vec<u8>,
    pub(crate) values: Values,
    /// Ready compressed bodies, if pushes carry these instead.
    pub(crate) compressed: Option<Arc<[Vec<u8>]>>,
    pub(crate) format: Format,
    pub(crate) gzip: bool,
    pub(crate) weight: u32,
    /// Lines that a scrape shows for one push, without the push times.
    pub(crate) samples: usize,
}

/// Which values of a body tell the push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Marked {
    Nowhere,
    /// Those of [`MARK_FAMILIES`].
    AtTheEnds,
    /// These, and every value that may be any number.
    Everywhere,
}

/// Builds the bodies a profile describes; marked ones carry a mark that only one push has.
pub(crate) fn bodies(profile: &Profile, marked: Marked) -> Vec<BodyTemplate> {
    let build = |(number, body): (usize, &Body)| {
        let mut rng = Rng::new(profile.seed, u64::MAX - number as u64);
        let template = template(body, marked, &mut rng);
        if body.gzip && marked == Marked::Nowhere {
            precompressed(template, &mut rng)
        } else {
            template
        }
    };
    profile.bodies.iter().enumerate().map(build).collect()
}

/// A marked body that replaces only the last family of any other, and adds one: pushed with POST, it
/// leaves what else the group has.
pub(crate) fn post_body() -> BodyTemplate {
    let marks = [MARK_FAMILIES[1], ADDED_FAMILY].map(family::mark);
    let bytes = text::render(&marks);
    BodyTemplate {
        values: Values::find(&bytes),
        samples: text::sample_count(&bytes),
        bytes,
        compressed: None,
        format: Format::Text,
        gzip: false,
        weight: 1,
    }
}

fn template(body: &Body, marked: Marked, rng: &mut Rng) -> BodyTemplate {
    let marks = match marked {
        Marked::Nowhere => Vec::new(),
        Marked::AtTheEnds | Marked::Everywhere => MARK_FAMILIES.map(family::mark).to_vec(),
    };
    let find = if marked == Marked::Everywhere { Values::find_marked } else { Values::find };
    let (bytes, values, samples) = match &body.source {
        Source::Text(file) if body.format == Format::Text => {
            let mut text = text::surrounded(file.as_bytes(), &marks);
            if marked == Marked::Everywhere {
                text = marking::mark_text(&text);
            }
            let samples = text::sample_count(&text);
            (text.clone(), find(&text), samples)
        }
        source => {
            let mut families = match source {
                Source::Text(file) => read::families(file),
                Source::Generated(shape) => shape::families(shape, rng),
            };
            let mut marks = marks.into_iter();
            families.splice(0..0, marks.next());
            families.extend(marks);
            if marked == Marked::Everywhere {
                marking::mark_families(&mut families);
            }
            let text = text::render(&families);
            let samples = text::sample_count(&text);
            match body.format {
                Format::Text => (text.clone(), find(&text), samples),
                Format::Protobuf => {
                    let (bytes, values) = protobuf::encode(&families);
                    (bytes, values, samples)
                }
            }
        }
    };
    BodyTemplate {
        bytes,
        values,
        compressed: None,
        format: body.format,
        gzip: body.gzip,
        weight: body.weight,
        samples,
    }
}

/// Compressing costs more than sending, so a run draws from bodies compressed before it.
fn precompressed(mut template: BodyTemplate, rng: &mut Rng) -> BodyTemplate {
    /// Enough that a group hardly gets the same body twice in a row.
    const VARIANTS: usize = 64;
    let mut gzip = Gzip::new();
    let compressed = (0..VARIANTS)
        .map(|_| {
            template.values.change(&mut template.bytes, rng);
            let mut out = Vec::new();
            gzip.compress(&template.bytes, &mut out);
            out
        })
        .collect();
    template.compressed = Some(compressed);
    template
}
