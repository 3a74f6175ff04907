//! Which page a path is.
//!
//! A group's page is at its push path, with `/groups` for `/metrics`; a job's at `/jobs` with the job as it stands
//! there: `/jobs/NAME`, or `/jobs@base64/NAME`.

/// What is shown.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Page {
    Overview,
    Groups,
    /// The tail is what follows `/groups/job`.
    Group(Vec<u8>),
    Jobs,
    /// The tail is what follows `/jobs`.
    Job(Vec<u8>),
    Status,
    Check,
    Wipe,
    /// The name of an asset.
    Static(String),
}

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Form {
    Check,
    Delete,
    Wipe,
}

/// The page at a path, percent-decoded.
pub(in crate::http) fn page(path: &[u8]) -> Option<Page> {
    let tail = |start: &[u8]| {
        let tail = path.strip_prefix(start)?;
        let is_tail = tail.starts_with(b"@base64/") || (tail.starts_with(b"/") && tail != b"/");
        is_tail.then(|| tail.to_vec())
    };
    match path {
        b"/" => Some(Page::Overview),
        b"/groups" => Some(Page::Groups),
        b"/jobs" => Some(Page::Jobs),
        b"/status" => Some(Page::Status),
        b"/check" => Some(Page::Check),
        b"/wipe" => Some(Page::Wipe),
        _ => {
            let name = || {
                let name = path.strip_prefix(b"/static/")?;
                Some(Page::Static(String::from_utf8_lossy(name).into_owned()))
            };
            let group = || tail(b"/groups/job").map(Page::Group);
            name().or_else(group).or_else(|| tail(b"/jobs").map(Page::Job))
        }
    }
}

/// The form that is sent to a path.
pub(in crate::http) fn form(path: &[u8]) -> Option<Form> {
    match path {
        b"/check" => Some(Form::Check),
        b"/groups/delete" => Some(Form::Delete),
        b"/wipe" => Some(Form::Wipe),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_jobs_are_where_their_paths_say() {
        assert_eq!(page(b"/groups/job/a/x/1"), Some(Page::Group(b"/a/x/1".to_vec())));
        assert_eq!(page(b"/groups/job@base64/YQ"), Some(Page::Group(b"@base64/YQ".to_vec())));
        assert_eq!(page(b"/jobs/a"), Some(Page::Job(b"/a".to_vec())));
        assert_eq!(page(b"/jobs@base64/YQ"), Some(Page::Job(b"@base64/YQ".to_vec())));
        assert_eq!(page(b"/static/app.css"), Some(Page::Static("app.css".to_owned())));
        for nothing in [
            &b"/groups/x"[..],
            b"/groups/jobs/a",
            b"/groups/delete",
            b"/jobsx",
            b"/jobs/",
            b"/x",
            b"",
        ] {
            assert_eq!(page(nothing), None, "{}", String::from_utf8_lossy(nothing));
        }
    }
}
