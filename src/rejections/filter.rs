//! Which rejections are shown, as the query of a request says.

use super::ring::Rejection;
use crate::parameters::{ParameterError, digits, parameters};

/// How long a search may be, in bytes.
const SEARCH_BYTES_MAX: usize = 256;

/// Which rejections are shown. Texts are kept as they were written, so that a form can show them again.
#[derive(Debug, Default)]
pub struct RejectionFilter {
    /// Words that all have to be in one of the texts, in upper or lower case.
    pub search: String,
    /// The only job that is shown, without escapes.
    pub job: Option<String>,
    /// The only status that is shown.
    pub status: Option<u16>,
    /// Only rejections with a larger number are shown.
    pub after: u64,
    /// How many are shown; all when there is none.
    pub limit: Option<usize>,
    /// The page, from 1.
    pub page: usize,
}

impl RejectionFilter {
    /// Reads a query. Unknown parameters are passed over, and so are empty ones: a form has sent them along.
    pub(crate) fn parse(query: &str) -> Result<RejectionFilter, ParameterError> {
        let mut filter = RejectionFilter { page: 1, ..RejectionFilter::default() };
        for parameter in parameters(query).filter(|parameter| !parameter.value().is_empty()) {
            match parameter.name() {
                "q" => {
                    let expected = format_args!("at most {SEARCH_BYTES_MAX} bytes");
                    let short =
                        |text: &str| (text.len() <= SEARCH_BYTES_MAX).then(|| text.to_owned());
                    filter.search = parameter.read(expected, short)?;
                }
                "job" => filter.job = Some(parameter.into_value()),
                "status" => {
                    let status = |text: &str| digits(text).filter(|code| (400..600).contains(code));
                    filter.status = Some(parameter.read("a status from 400 to 599", status)?);
                }
                "after" => filter.after = parameter.read("a number from 0", digits)?,
                "limit" => filter.limit = Some(parameter.read("a number from 0", digits)?),
                "page" => {
                    let page =
                        |text: &str| digits(text).filter(|page| (1..=1 << 32).contains(page));
                    filter.page = parameter.read("a number from 1", page)?;
                }
                _ => {}
            }
        }
        Ok(filter)
    }

    /// Whether any rejection may be left out.
    pub fn is_narrow(&self) -> bool {
        !self.search.is_empty() || self.job.is_some() || self.status.is_some()
    }

    /// Whether a rejection passes. The limit and the page are for the caller.
    pub fn takes(&self, rejection: &Rejection) -> bool {
        rejection.number > self.after
            && self.status.is_none_or(|status| rejection.status == status)
            && self.job.as_ref().is_none_or(|job| rejection.job == *job)
            && self.search.split_whitespace().all(|word| {
                let word = word.to_lowercase();
                let Rejection { method, path, job, source, user, reason, request_id, .. } =
                    rejection;
                [method, path, job, source, user, reason, request_id]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&word))
            })
    }

    /// The query for another page of the same.
    pub fn at_page(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let status = self.status.map(|status| status.to_string()).unwrap_or_default();
        let job = self.job.as_deref().unwrap_or_default();
        let pairs = [("q", &*self.search), ("job", job), ("status", &status)];
        query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_what_all_its_parts_take() {
        let rejection = Rejection {
            number: 7,
            job: "Backup".to_owned(),
            path: "/metrics/job/Backup".to_owned(),
            source: "10.0.0.1:99".to_owned(),
            status: 400,
            reason: "line 3: no value".to_owned(),
            ..Rejection::default()
        };
        let takes =
            |query: &str| RejectionFilter::parse(query).expect("it makes sense").takes(&rejection);
        for query in
            ["", "q=backup+LINE", "q=10.0.0", "job=Backup&status=400", "after=6", "status="]
        {
            assert!(takes(query), "{query}");
        }
        for query in ["q=backup+line+4", "job=backup", "status=413", "after=7"] {
            assert!(!takes(query), "{query}");
        }
        let filter = RejectionFilter::parse("q=a+b&status=503&page=3").expect("it makes sense");
        assert!(filter.is_narrow() && filter.page == 3);
        assert_eq!(filter.at_page(2), "q=a+b&status=503&page=2");
        for (query, said) in [
            ("status=200", "parameter status: expected a status from 400 to 599, got \"200\""),
            ("page=0", "parameter page: expected a number from 1, got \"0\""),
            ("limit=x", "parameter limit: expected a number from 0, got \"x\""),
        ] {
            let error = RejectionFilter::parse(query).expect_err(query);
            assert_eq!(error.to_string(), said);
        }
    }
}
