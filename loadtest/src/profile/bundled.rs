//! The profiles of the folder `profiles`, compiled in, so that their names work from anywhere.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../profiles/", $name)))),*]
    };
}

/// Each file by its name: profiles, and the bodies that they push.
const FILES: &[(&str, &str)] = files![
    "batch-job.prom",
    "batch-job.toml",
    "churn.toml",
    "cron-storm.toml",
    "histograms.toml",
    "mixed-formats.toml",
    "mixed-jobs-protobuf.toml",
    "mixed-jobs.prom",
    "mixed-jobs.toml",
    "scrape-heavy.toml",
    "steady.toml",
    "wide-group.toml",
];

/// The text of the file with this name.
pub(super) fn text(file: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == file).map(|(_, text)| *text)
}

/// The names of the profiles, in the order of the alphabet.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_profile_of_the_folder_is_bundled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles");
        let names = fs::read_dir(folder).expect("the profiles").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names: BTreeSet<_> = names.filter(|name| name != "README.md").collect();
        assert_eq!(names, FILES.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
}
