//! Stores that share an index against a naive gateway that gathers and checks everything each time.

mod oracle {
    pub(crate) mod body;
    pub(crate) mod expose;
    pub(crate) mod gateway;
    pub(crate) mod key;
    pub(crate) mod line;
    pub(crate) mod model;
    pub(crate) mod number;
    pub(crate) mod own;
    pub(crate) mod pair;
    pub(crate) mod refusal;
    pub(crate) mod scrape;
    pub(crate) mod traffic;
}

use std::cell::RefCell;
use std::collections::BTreeMap;

use oracle::body::Reason;
use oracle::pair::{Pair, Step};
use oracle::refusal::Outcome;
use oracle::traffic::{Request, request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// How often a push came out how, over all cases.
type Tally = BTreeMap<Outcome, u32>;

fn step(request: impl Strategy<Value = Request>) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => request.prop_map(Step::Request),
        2 => any::<bool>().prop_map(|adopt| Step::Scrape { adopt }),
        1 => Just(Step::Begin),
        1 => any::<bool>().prop_map(|adopt| Step::Finish { adopt }),
    ]
}

/// Requests that now and then bring a sample so long that a few of them fill a page, and one that
/// grows has to leave it.
fn bulky_request() -> impl Strategy<Value = Request> {
    (request(), 0..5_usize).prop_map(|(mut request, size)| {
        if let Request::Push { body, .. } = &mut request {
            let pad = "x".repeat(size * 15_000);
            *body = format!("bulk{{pad=\"{pad}\"}} 1\nbulk_{} 1\n{body}", size % 2);
        }
        request
    })
}

/// Checks as many sequences of `steps` as `PROPTEST_CASES` says, 256 by default, divided by `divisor`.
fn check(divisor: u32, steps: impl Strategy<Value = Vec<Step>>) -> Tally {
    let default = ProptestConfig::default();
    let cases = default.cases / divisor;
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..default };
    let tally = RefCell::new(Tally::new());
    let result = TestRunner::new(config).run(&steps, |mut steps| {
        let mut pair = Pair::default();
        steps.push(Step::Scrape { adopt: true });
        steps.push(Step::Finish { adopt: true });
        steps.push(Step::Scrape { adopt: true });
        for step in &steps {
            if let Some(outcome) = pair.take(step)? {
                *tally.borrow_mut().entry(outcome).or_default() += 1;
            }
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    tally.into_inner()
}

#[test]
fn stores_agree_with_a_gateway_that_checks_everything_each_time() {
    let tally = check(1, vec(step(request()), 1..60));
    let refused = [
        Reason::TypeConflict,
        Reason::NameOccupied,
        Reason::SeriesElsewhere,
        Reason::OtherSpelling,
        Reason::DuplicateSeries,
        Reason::PartLabelInKey,
    ];
    for outcome in refused.map(Outcome::Refused).into_iter().chain([Outcome::Taken]) {
        let count = tally.get(&outcome).copied().unwrap_or_default();
        assert!(count >= 20, "{outcome:?} only {count} times: {tally:?}");
    }
}

#[test]
fn stores_agree_with_it_while_pages_fill_up_and_give_away_what_outgrows_them() {
    check(6, vec(step(bulky_request()), 1..30));
}
