//! The checks between keys: which belong together, which exclude each other.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fs, io};

use toml::Spanned;

use super::keys::{ArrivalsKeys, ArrivalsKind, BodyKeys, Complaint, Mix, ProfileKeys};
use super::kinds::body_of_kind;
use super::values::Count;
use super::{Arrivals, Body, Groups, Profile, Shape, Source, bundled};

/// Where the files that a profile names stand.
#[derive(Clone, Copy)]
pub(super) enum Folder<'a> {
    /// In this folder.
    At(&'a Path),
    /// In this program.
    Bundled,
}

impl Folder<'_> {
    fn path(self, file: &Path) -> PathBuf {
        match self {
            Folder::At(folder) => folder.join(file),
            Folder::Bundled => file.to_owned(),
        }
    }

    fn read(self, file: &Path) -> io::Result<String> {
        let bundled = || file.to_str().and_then(bundled::text).map(str::to_owned);
        match self {
            Folder::At(_) => fs::read_to_string(self.path(file)),
            Folder::Bundled => bundled().ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }
}

/// Turns keys into a profile, with the text of each file that they name.
pub(super) fn check(
    keys: ProfileKeys,
    name: String,
    folder: Folder<'_>,
) -> Result<Profile, Complaint> {
    if keys.about.get_ref().trim().is_empty() {
        return Err((keys.about.span(), "a profile says what it models".to_owned()));
    }
    if keys.bodies.get_ref().is_empty() {
        return Err((keys.bodies.span(), "a profile has at least one body".to_owned()));
    }
    let body_keys = keys.bodies.into_inner();
    let kinds = body_keys.iter().find(|body| body.get_ref().kinds.is_some());
    if let Some(body) = kinds.filter(|_| body_keys.len() > 1) {
        return Err((body.span(), "a body of several kinds is the only one".to_owned()));
    }
    Ok(Profile {
        name,
        about: keys.about.into_inner(),
        seed: keys.seed,
        connections: keys.connections,
        keep_alive: keys.keep_alive,
        duration: keys.duration,
        warmup: keys.warmup,
        timeout: keys.timeout,
        groups: Groups {
            count: keys.groups.count,
            path: keys.groups.path,
            prefill: keys.groups.prefill,
            churn: keys.groups.churn,
            delete_replaced: keys.groups.delete_replaced,
        },
        mix: mix(keys.mix)?,
        body_by_group: kinds.is_some(),
        bodies: body_keys
            .into_iter()
            .map(|keys| bodies(keys, folder))
            .collect::<Result<Vec<_>, _>>()?
            .concat(),
        arrivals: keys.arrivals.map(arrivals).transpose()?,
        scraper: keys.scraper,
        basic_auth: keys.basic_auth,
        ca_file: keys.tls.map(|tls| folder.path(&tls.ca_file)),
    })
}

fn mix(keys: Option<Spanned<Mix>>) -> Result<Mix, Complaint> {
    let Some(keys) = keys else {
        return Ok(Mix { put: 1, post: 0, delete: 0 });
    };
    let mix = *keys.get_ref();
    if mix.put == 0 && mix.post == 0 {
        return Err((keys.span(), "a mix without PUT and POST pushes nothing".to_owned()));
    }
    Ok(mix)
}

/// What a generated body is like unless its keys say otherwise.
const LABELS: u8 = 2;
const LABEL_VALUE_BYTES: u8 = 12;
const BUCKETS: u32 = 10;

fn bodies(keys: Spanned<BodyKeys>, folder: Folder<'_>) -> Result<Vec<Body>, Complaint> {
    let span = keys.span();
    let keys = keys.into_inner();
    let complain = |message: &str| Err((span.clone(), message.to_owned()));
    let shaped = keys.families.is_some()
        || keys.series.is_some()
        || keys.labels.is_some()
        || keys.label_value_bytes.is_some()
        || keys.histogram_share.is_some()
        || keys.summary_share.is_some()
        || keys.buckets.is_some();
    let source = match (keys.file, keys.families) {
        (Some(_), _) if shaped => return complain("a body is from a file or generated, not both"),
        (Some(file), _) => match folder.read(&file) {
            Ok(text) => Source::Text(text),
            Err(error) => {
                return complain(&format!("{}: {error}", folder.path(&file).display()));
            }
        },
        (None, _) if keys.kinds.is_some() => return complain("`kinds` needs `file`"),
        (None, None) => return complain("a body needs `file`, or `families`"),
        (None, Some(families)) => {
            let shape = Shape {
                families: families.get(),
                series: keys.series.map_or(1, Count::get),
                labels: usize::from(keys.labels.unwrap_or(LABELS)),
                label_value_bytes: usize::from(keys.label_value_bytes.unwrap_or(LABEL_VALUE_BYTES)),
                histogram_share: keys.histogram_share.unwrap_or_default(),
                summary_share: keys.summary_share.unwrap_or_default(),
                buckets: keys.buckets.unwrap_or(Count::new(BUCKETS)).get(),
            };
            Source::Generated(possible(shape, &span)?)
        }
    };
    let weight = u32::try_from(keys.weight.get()).expect("a count fits in 32 bits");
    let body = |source| Body { weight, source, format: keys.format, gzip: keys.gzip };
    Ok(match (keys.kinds, source) {
        (Some(kinds), Source::Text(template)) => {
            (0..kinds.get()).map(|kind| body(Source::Text(body_of_kind(&template, kind)))).collect()
        }
        (_, source) => vec![body(source)],
    })
}

fn possible(shape: Shape, span: &Range<usize>) -> Result<Shape, Complaint> {
    /// Larger bodies than this are not pushes, but mistakes.
    const SERIES_MAX: usize = 1_000_000;
    let complain = |message: &str| Err((span.clone(), message.to_owned()));
    if shape.families.saturating_mul(shape.series) > SERIES_MAX {
        return complain("more than a million series in one push");
    }
    if shape.labels == 0 && shape.series > 1 {
        return complain("several series of a family need a label that tells them apart");
    }
    if shape.histogram_share.get() + shape.summary_share.get() > 1.0 {
        return complain("histogram_share and summary_share are more than 1 together");
    }
    let digits = shape.series.saturating_sub(1).max(1).ilog10() as usize + 1;
    if shape.series > 1 && shape.label_value_bytes < digits {
        return complain("label_value_bytes is too small to tell the series apart");
    }
    Ok(shape)
}

fn arrivals(keys: Spanned<ArrivalsKeys>) -> Result<Arrivals, Complaint> {
    let span = keys.span();
    let keys = keys.into_inner();
    let ArrivalsKeys { kind, rate, size, every, within, from, to } = keys;
    let given = [
        ("rate", rate.is_some()),
        ("size", size.is_some()),
        ("every", every.is_some()),
        ("within", within.is_some()),
        ("from", from.is_some()),
        ("to", to.is_some()),
    ];
    let wanted: &[&str] = match kind {
        ArrivalsKind::Constant | ArrivalsKind::Poisson => &["rate"],
        ArrivalsKind::Bursts => &["size", "every", "within"],
        ArrivalsKind::Ramp => &["from", "to"],
    };
    if let Some((key, _)) = given.iter().find(|(key, given)| *given && !wanted.contains(key)) {
        return Err((span, format!("`{key}` has no meaning for arrivals of this kind")));
    }
    let found = match (kind, rate, size, every, from, to) {
        (ArrivalsKind::Constant, Some(rate), ..) => Some(Arrivals::Constant(rate)),
        (ArrivalsKind::Poisson, Some(rate), ..) => Some(Arrivals::Poisson(rate)),
        (ArrivalsKind::Bursts, _, Some(size), Some(every), ..) => {
            Some(Arrivals::Bursts { size, every, within })
        }
        (ArrivalsKind::Ramp, .., Some(from), Some(to)) => Some(Arrivals::Ramp { from, to }),
        _ => None,
    };
    match found {
        Some(Arrivals::Bursts { every, within: Some(within), .. })
            if within.get() > every.get() =>
        {
            Err((span, "a burst takes longer (`within`) than until the next (`every`)".to_owned()))
        }
        Some(arrivals) => Ok(arrivals),
        None => Err((span, format!("arrivals of this kind need {}", wanted.join(", ")))),
    }
}
