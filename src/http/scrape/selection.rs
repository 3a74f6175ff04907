//! What the query of a scrape selects.

use crate::http::scrape::jobs::NamedJobs;
use crate::parameters::{ParameterError, digits, parameters};
use crate::shard::{Part, Selection};

/// Reads `job=NAME` and `name[]=FAMILY`, each any number of times, and `shard=I/N`. Other parameters
/// mean nothing here and are passed over.
pub(in crate::http) fn selection(query: &str) -> Result<Selection, ParameterError> {
    let (mut selection, mut jobs) = (Selection::default(), NamedJobs::default());
    for parameter in parameters(query) {
        match parameter.name() {
            "job" => jobs.name(&parameter)?,
            "name[]" => selection.families.push(parameter.into_value()),
            "shard" => {
                let parts_max = Part::PARTS_MAX;
                let expected = format_args!("I/N with I from 0 to N - 1 and N at most {parts_max}");
                let part = parameter.read(expected, part)?;
                parameter.set(&mut selection.part, part)?;
            }
            _ => {}
        }
    }
    selection.jobs = jobs.in_order();
    Ok(selection)
}

fn part(value: &str) -> Option<Part> {
    let (number, of) = value.split_once('/')?;
    Part::new(digits(number)?, digits(of)?)
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
        let error = |query: &str| selection(query).expect_err(query).to_string();
        assert_eq!(error("job="), "parameter job: must not be empty");
        assert!(selection(&"job=a&".repeat(1000)).is_ok_and(|selected| selected.jobs == ["a"]));
        let too_many = "job=a&".repeat(1001);
        assert_eq!(error(&too_many), "parameter job: given more than 1000 times");
        assert_eq!(error("shard=0/2&shard=1/2"), "parameter shard: given twice");
        for part in ["", "1", "1/", "/2", "2/2", "0/0", "-0/2", "0/1025", "a/b", "0/2/3"] {
            let error = error(&format!("shard={part}"));
            assert!(error.contains(&format!("{part:?}")), "{error}");
        }
    }
}
