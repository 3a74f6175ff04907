//! What the query of a scrape selects.

use std::fmt;

use crate::http::scrape::jobs::{JobError, NamedJobs};
use crate::shard::{Part, Selection};

/// A parameter that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum SelectionError {
    Job(JobError),
    /// Not a part of the groups.
    Part(String),
    /// More than one part.
    SecondPart,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectionError::Job(error) => error.fmt(f),
            SelectionError::Part(value) => write!(
                f,
                "parameter shard: expected I/N with I from 0 to N - 1 and N at most {}, got {value:?}",
                Part::PARTS_MAX
            ),
            SelectionError::SecondPart => write!(f, "parameter shard: given twice"),
        }
    }
}

/// Reads `job=NAME` and `name[]=FAMILY`, each any number of times, and `shard=I/N`. Other parameters
/// mean nothing here and are passed over.
pub(in crate::http) fn selection(query: &str) -> Result<Selection, SelectionError> {
    let (mut selection, mut jobs) = (Selection::default(), NamedJobs::default());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "job" => jobs.name(&value).map_err(SelectionError::Job)?,
            "name[]" => selection.families.push(value.into_owned()),
            "shard" if selection.part.is_some() => return Err(SelectionError::SecondPart),
            "shard" => {
                let part = part(&value).ok_or_else(|| SelectionError::Part(value.into_owned()))?;
                selection.part = Some(part);
            }
            _ => {}
        }
    }
    selection.jobs = jobs.in_order();
    Ok(selection)
}

fn part(value: &str) -> Option<Part> {
    let (number, of) = value.split_once('/')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(number) || !is_number(of) {
        return None;
    }
    Part::new(number.parse().ok()?, of.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_families_and_a_part_are_selected() {
        let selection =
            selection("job=a%2Fb+c&name[]=m&job=x%22y&_=1&name%5B%5D=n&job=x%22y&shard=2/3");
        let selection = selection.expect("all of it makes sense");
        assert_eq!(selection.jobs, ["a/b c", r#"x\"y"#]);
        assert_eq!(selection.families, ["m", "n"]);
        assert_eq!(selection.part, Part::new(2, 3));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(selection("job=").err(), Some(SelectionError::Job(JobError::Empty)));
        assert!(selection(&"job=a&".repeat(1000)).is_ok_and(|selected| selected.jobs == ["a"]));
        let too_many = selection(&"job=a&".repeat(1001));
        assert_eq!(too_many.err(), Some(SelectionError::Job(JobError::TooMany)));
        assert_eq!(selection("shard=0/2&shard=1/2").err(), Some(SelectionError::SecondPart));
        for part in ["", "1", "1/", "/2", "2/2", "0/0", "-0/2", "0/1025", "a/b", "0/2/3"] {
            let error = selection(&format!("shard={part}")).expect_err(part);
            assert!(error.to_string().contains(&format!("{part:?}")), "{error}");
        }
    }
}
