//! The memory that a push may take while it is decoded, and the size that it may reach.
//!
//! Start with [`Allowance`]. The decoder asks it before it takes more memory, in steps. The caller decides where the memory
//! comes from.

use std::fmt;

use memchr::memchr_iter;

use crate::push::key::GroupingKey;
use crate::push::place::Place;

/// How large the samples of one push may be once rendered, whatever the flag says: offsets into them have 32 bits.
pub const RENDERED_BYTES_MAX: usize = 256 << 20;

/// A push that takes no more than this while it is decoded asks nobody.
const UNCOUNTED_BYTES: usize = 128 << 10;
/// What is asked for beyond that is a multiple of this.
const STEP_BYTES: usize = 64 << 10;

/// A sample of text has at least as many bytes: `m 1` and a line feed.
const SAMPLE_BYTES_MIN: usize = 4;
/// Where the samples of a body cannot come to more than this, nobody counts its lines.
const COUNTED_BYTES_MIN: usize = 256 << 10;

/// What one push may take while it is decoded.
pub struct Allowance<'r> {
    pub(crate) rendered_bytes_max: usize,
    hold: Option<&'r mut (dyn FnMut(usize) -> bool + 'r)>,
    granted: usize,
}

impl<'r> Allowance<'r> {
    /// A push of which the samples may come to `rendered_bytes_max` bytes once rendered. `hold` is told how many bytes
    /// the push takes in all, before it takes more, and answers whether there are so many.
    pub fn new(rendered_bytes_max: usize, hold: &'r mut (dyn FnMut(usize) -> bool + 'r)) -> Self {
        Allowance { rendered_bytes_max, hold: Some(hold), granted: UNCOUNTED_BYTES }
    }

    /// As much as a push can ever take.
    pub fn unlimited() -> Allowance<'static> {
        Allowance { rendered_bytes_max: RENDERED_BYTES_MAX, hold: None, granted: usize::MAX }
    }

    /// Whether the push may take so many bytes in all.
    pub(crate) fn holds(&mut self, bytes: usize) -> bool {
        bytes <= self.granted || self.ask(bytes)
    }

    #[cold]
    fn ask(&mut self, bytes: usize) -> bool {
        let Some(hold) = &mut self.hold else { return true };
        for wanted in [bytes.next_multiple_of(STEP_BYTES), bytes] {
            if hold(wanted) {
                self.granted = wanted;
                return true;
            }
        }
        false
    }
}

impl fmt::Debug for Allowance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Allowance { rendered_bytes_max, granted, .. } = self;
        write!(f, "Allowance {{ {rendered_bytes_max}, {granted} }}")
    }
}

/// A push of which the samples would be larger than the bound, once rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The bound.
    pub bytes_max: usize,
    /// Where the bound is passed; `None` where only the whole push shows it.
    pub at: Option<Place>,
    /// How many bytes the grouping labels take in each sample.
    pub key_bytes: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLarge { bytes_max, at, key_bytes } = self;
        write!(
            f,
            "push larger than --push.max-rendered-bytes ({bytes_max} bytes) once every sample has its labels"
        )?;
        match at {
            Some(at) => write!(f, ", from {at} on")?,
            None => f.write_str(", with its help texts")?,
        }
        write!(
            f,
            ": the grouping labels take {key_bytes} bytes of each sample; push to a shorter path, push fewer samples at a time, or raise the flag"
        )
    }
}

/// About how many bytes the samples of a body of text come to once rendered, and how many samples there are. Counts
/// the lines of a body only where they can come to much.
pub fn expected(key: &GroupingKey, body: &[u8]) -> (usize, usize) {
    let label_bytes = key.text().len() + "{} ".len();
    let most = body.len() / SAMPLE_BYTES_MIN;
    if body.len() + most * label_bytes <= COUNTED_BYTES_MIN {
        return (body.len() + body.len() / 2, 0);
    }
    let begins_comment = |at: &usize| body.get(at + 1) == Some(&b'#');
    let lines = 1 + memchr_iter(b'\n', body).filter(|at| !begins_comment(at)).count();
    let samples = lines.min(most);
    (body.len().saturating_add(samples.saturating_mul(label_bytes)), samples)
}

/// The same for a body of protobuf, of which nothing is counted: it is taken for one of small messages.
pub fn expected_of_protobuf(key: &GroupingKey, body: &[u8]) -> usize {
    /// Hardly any metric or bucket has less.
    const METRIC_BYTES: usize = 16;
    body.len() + body.len() / METRIC_BYTES * key.text().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules;
    use crate::push::{Rejected, decode_protobuf_within, decode_within};

    type Decode = fn(
        &GroupingKey,
        &[u8],
        crate::push::Rules,
        Allowance<'_>,
    ) -> Result<crate::push::Batch, Rejected>;

    fn key(job_bytes: usize) -> GroupingKey {
        let path = format!("/{}", "j".repeat(job_bytes));
        GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path")
    }

    /// What a body comes to, and how many bytes it held at most.
    fn held(
        decode: Decode,
        job_bytes: usize,
        body: &[u8],
        held_max: usize,
    ) -> (Result<usize, Rejected>, usize) {
        let mut most = 0;
        let mut hold = |bytes: usize| {
            most = most.max(if bytes <= held_max { bytes } else { 0 });
            bytes <= held_max
        };
        let allowance = Allowance::new(32 << 20, &mut hold);
        let batch = decode(&key(job_bytes), body, NameRules::Utf8.into(), allowance);
        (batch.map(|batch| batch.memory_bytes()), most)
    }

    fn lines(lines: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
        (0..lines).map(line).collect::<String>().into_bytes()
    }

    /// `n` untyped metrics of one label each, as protobuf, of which all but the first need their protobuf form kept.
    fn protobuf(n: usize) -> Vec<u8> {
        let field = |key: u8, bytes: &[u8]| [&[key, bytes.len() as u8][..], bytes].concat();
        let metric = |at: usize| {
            let label = [field(0x0a, b"l"), field(0x12, at.to_string().as_bytes())].concat();
            let exemplar = field(0x12, &field(0x0a, b""));
            let counter = [&b"\x09\0\0\0\0\0\0\0\0"[..], &exemplar].concat();
            field(0x22, &[field(0x0a, &label), field(0x1a, &counter)].concat())
        };
        let metrics: Vec<u8> = (0..n).flat_map(metric).collect();
        let family = [field(0x0a, b"m"), metrics].concat();
        let mut body = Vec::new();
        let mut len = family.len();
        while len >= 0x80 {
            body.push(len as u8 | 0x80);
            len >>= 7;
        }
        body.push(len as u8);
        [body, family].concat()
    }

    #[test]
    fn a_usual_push_asks_for_nothing() {
        let body = lines(200, |at| format!("metric{}{{a=\"{at}\"}} {at}\n", at % 20));
        for _ in 0..3 {
            let (batch, most) = held(decode_within, 30, &body, 0);
            assert!(batch.is_ok() && most == 0);
        }
        assert!(held(decode_protobuf_within, 30, &protobuf(200), 0).0.is_ok());
    }

    #[test]
    fn what_a_push_is_rendered_to_is_asked_for_before_it_is_there() {
        let plain = lines(400, |at| format!("m{{l=\"{at}\"}} 1\n"));
        let apart = lines(200, |at| format!("a{{l=\"{at}\"}} 1\nb{{l=\"{at}\"}} 1\n"));
        let buckets = lines(150, |at| format!("h_bucket{{le=\"{at}\"}} 1\n"));
        let histogram = [&b"# TYPE h histogram\n"[..], &buckets].concat();
        let sums = lines(60, |at| format!("s_sum{{l=\"{at}\"}} 1\n"));
        let summaries = [&b"# TYPE s summary\n"[..], &sums].concat();
        let long = protobuf(100);
        let quoted = lines(20_000, |at| format!("m{{\"a\\\"{at}\"=\"x\"}} 1\n"));
        let short = lines(50_000, |at| format!("m{at} 1\n"));
        let pushes: [(Decode, usize, &[u8]); 7] = [
            (decode_within, 100, &quoted),
            (decode_within, 60_000, &plain),
            (decode_within, 30_000, &apart),
            (decode_within, 60_000, &histogram),
            (decode_within, 60_000, &summaries),
            (decode_protobuf_within, 60_000, &long),
            (decode_within, 1, &short),
        ];
        for (decode, job_bytes, body) in pushes {
            let start = String::from_utf8_lossy(&body[..20]).into_owned();
            let (batch, most) = held(decode, job_bytes, body, usize::MAX);
            let bytes = batch.expect("it fits");
            assert!(bytes > 1 << 20 && most >= bytes, "{start}: {bytes} of {most}");
            assert!(most < 20 * bytes, "{start}: {bytes} of {most}");
            // With less, it ends before it has taken that much.
            let (refused, held) = held(decode, job_bytes, body, bytes / 2);
            assert_eq!(refused, Err(Rejected::NoRoom), "{start}");
            assert!(held <= bytes / 2);
        }
    }

    #[test]
    fn a_push_beyond_the_bound_is_told_where_and_what_to_do() {
        let body = lines(1000, |at| format!("m{{l=\"{at}\"}} 1\n"));
        let (refused, most) = held(decode_within, 60_000, &body, usize::MAX);
        let Err(Rejected::TooLarge(too_large)) = refused else { panic!("{refused:?}") };
        assert!(most <= 33 << 20, "{most}");
        let told = too_large.to_string();
        for part in ["--push.max-rendered-bytes", "33554432", "line 5", "60", "shorter path"] {
            assert!(told.contains(part), "{told}");
        }
        let (refused, _) = held(decode_protobuf_within, 60_000, &protobuf(1000), usize::MAX);
        let Err(Rejected::TooLarge(too_large)) = refused else { panic!("{refused:?}") };
        assert!(too_large.to_string().contains("metric family 1"), "{too_large}");
    }

    #[test]
    fn a_line_of_endless_labels_is_refused_before_they_are_gathered() {
        let rules = crate::push::Rules { labels_max: 10, ..NameRules::Legacy.into() };
        let sorted: String = (10..90).map(|at| format!("a{at}=\"\",")).collect();
        for body in [format!("m{{{sorted}}} 1\n"), format!("m{{ {sorted}}} 1\n")] {
            let refused = decode_within(&key(1), body.as_bytes(), rules, Allowance::unlimited());
            let Err(Rejected::Syntax(error)) = refused else { panic!("{refused:?}") };
            assert_eq!(error.kind, crate::push::SyntaxErrorKind::TooManyLabels);
        }
    }

    #[test]
    fn lines_are_counted_where_they_may_come_to_much() {
        assert_eq!(expected(&key(10), &[b' '; 1000]), (1500, 0));
        let body = b"# TYPE m gauge\nm{a=\"1\"} 1\nm{a=\"2\"} 1\n".repeat(100);
        let (bytes, samples) = expected(&key(1000), &body);
        assert!((200..=202).contains(&samples), "{samples}");
        assert!((200_000..220_000).contains(&bytes), "{bytes}");
        assert_eq!(expected(&key(60_000), b"").1, 0);
    }
}
