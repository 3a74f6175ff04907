//! The headers that a web configuration file may add to answers.

use std::collections::BTreeMap;

/// Their names, and the values that are allowed; any where there are none.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Those that are to be set: one whose value is blank is not.
pub(super) fn checked(
    headers: BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<String, String>, String> {
    let mut set = BTreeMap::new();
    for (name, value) in headers {
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let known = HEADERS.map(|(known, _)| known).join(", ");
            return Err(format!("{name} cannot be set, only {known}"));
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            return Err(format!("{name} must be {}, not {value:?}", allowed.join(" or ")));
        }
        if !value.chars().all(|char| matches!(char, ' '..='~')) {
            return Err(format!("{name}: {value:?} cannot be sent in a header"));
        }
        set.insert(name, value);
    }
    Ok(set)
}
