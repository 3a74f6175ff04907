//! Many kinds of bodies from one text: a fleet of different jobs that use the same client library.

/// What stands for the number of the kind in the names of its own families.
const PLACE: &str = "{kind}";
/// A kind has at least so many families of its own.
const OWN_MIN: usize = 2;

/// The body of a kind: all families of the template that name no kind, and behind them some that do.
pub(crate) fn body_of_kind(template: &str, kind: usize) -> String {
    let starts = template.match_indices("# HELP ").map(|(at, _)| at);
    let ends = starts.clone().skip(1).chain([template.len()]);
    let families = starts.zip(ends).map(|(start, end)| &template[start..end]);
    let (own, common): (Vec<&str>, Vec<&str>) = families.partition(|text| text.contains(PLACE));
    let taken = OWN_MIN + kind % (own.len() + 1).saturating_sub(OWN_MIN).max(1);
    let own = own.iter().cycle().skip(kind % own.len().max(1)).take(taken.min(own.len()));
    let body: String = common.iter().chain(own).copied().collect();
    body.replace(PLACE, &kind.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_common_families_and_some_of_its_own() {
        let template = "# HELP go G.\ngo 1\n# HELP a{kind}_x A.\na{kind}_x{kind=\"y\"} 2\n\
            # HELP b{kind} B.\nb{kind} 3\n# HELP c{kind} C.\nc{kind} 4\n";
        let names = |kind| {
            let body = body_of_kind(template, kind);
            let names = body.lines().filter(|line| !line.starts_with('#'));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(names(0), ["go 1", "a0_x{kind=\"y\"} 2", "b0 3"]);
        assert_eq!(names(7), ["go 1", "b7 3", "c7 4", "a7_x{kind=\"y\"} 2"]);
        assert_eq!(body_of_kind("# HELP go G.\ngo 1\n", 3), "# HELP go G.\ngo 1\n");
    }
}
