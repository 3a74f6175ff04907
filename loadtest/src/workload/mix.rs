//! Which method a push uses and which body it carries.

use super::body::BodyTemplate;
use super::request::Method;
use super::rng::Rng;
use crate::profile::Mix;

/// Draws methods and bodies by their weights.
#[derive(Clone, Debug)]
pub(crate) struct Chooser {
    mix: Mix,
    /// The sums of the bodies' weights up to each of them.
    body_weights: Vec<u64>,
    body_by_group: bool,
}

impl Chooser {
    pub(crate) fn new(mix: Mix, bodies: &[BodyTemplate], body_by_group: bool) -> Self {
        let sums = bodies.iter().scan(0, |sum, body| {
            *sum += u64::from(body.weight);
            Some(*sum)
        });
        Self { mix, body_weights: sums.collect(), body_by_group }
    }

    pub(crate) fn method(&self, rng: &mut Rng) -> Method {
        let Mix { put, post, delete } = self.mix;
        if post == 0 && delete == 0 {
            return Method::Put;
        }
        let [put, post, delete] = [put, post, delete].map(u64::from);
        match rng.below(put + post + delete) {
            n if n < put => Method::Put,
            n if n < put + post => Method::Post,
            _ => Method::Delete,
        }
    }

    /// The index of a body for a group.
    pub(crate) fn body(&self, rng: &mut Rng, group: u64) -> usize {
        if self.body_by_group {
            return (group % self.body_weights.len() as u64) as usize;
        }
        match self.body_weights.as_slice() {
            [_] => 0,
            sums => {
                let drawn = rng.below(sums.last().copied().unwrap_or(1));
                sums.iter().position(|&sum| drawn < sum).unwrap_or(0)
            }
        }
    }
}
