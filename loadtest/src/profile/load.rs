//! Reads a profile from its file.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use super::bundled;
use super::check::{Folder, check};
use super::keys::ProfileKeys;
use super::model::Profile;

/// Why a profile cannot be used.
#[derive(Debug)]
pub(crate) enum ProfileError {
    /// Neither a file nor the name of a bundled profile.
    NotFound(PathBuf),
    Unreadable(PathBuf, io::Error),
    /// The message names the line.
    Invalid(PathBuf, String),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(path) => {
                let names = bundled::names().collect::<Vec<_>>().join(", ");
                write!(f, "Profile not found: {}; bundled profiles: {names}", path.display())
            }
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Invalid(path, message) => write!(f, "{}: {message}", path.display()),
        }
    }
}

impl std::error::Error for ProfileError {}

/// Reads and checks the profile in the file at `path`; files that it names stand beside it. Where there is no such
/// file, a name alone stands for a bundled profile.
pub(crate) fn load(path: &Path) -> Result<Profile, ProfileError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = path.to_str().and_then(|name| bundled::text(&format!("{name}.toml")));
            let text = text.ok_or_else(|| ProfileError::NotFound(path.to_owned()))?;
            return built_in(text, &name);
        }
        Err(error) => return Err(ProfileError::Unreadable(path.to_owned(), error)),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, name, Folder::At(folder))
        .map_err(|message| ProfileError::Invalid(path.to_owned(), message))
}

/// Checks a profile that is part of this program; files that it names are too.
pub(crate) fn built_in(text: &str, name: &str) -> Result<Profile, ProfileError> {
    parse(text, name.to_owned(), Folder::Bundled)
        .map_err(|message| ProfileError::Invalid(name.into(), message))
}

fn parse(text: &str, name: String, folder: Folder<'_>) -> Result<Profile, String> {
    let keys: ProfileKeys =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    check(keys, name, folder).map_err(|(span, message)| {
        let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
        format!("line {line}: {message}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "about = \"x\"\n[groups]\ncount = 1\n[[bodies]]\nfamilies = 1\n";

    fn complaint(text: &str) -> String {
        parse(text, String::new(), Folder::Bundled).err().unwrap_or_default()
    }

    #[test]
    fn the_least_profile_is_complete() {
        let profile = parse(LEAST, "least".to_owned(), Folder::Bundled).expect("valid");
        assert_eq!((profile.name.as_str(), profile.connections.get()), ("least", 64));
    }

    #[test]
    fn a_name_alone_stands_for_a_bundled_profile() {
        for name in bundled::names() {
            assert_eq!(load(Path::new(name)).expect(name).name, name);
        }
        for other in ["./steady", "/tmp/steady", "nowhere", "steady.toml.toml"] {
            let error = load(Path::new(other)).expect_err(other).to_string();
            assert!(error.contains(&format!("not found: {other}; bundled profiles: batch-job, ")));
        }
    }

    #[test]
    fn every_complaint_names_its_line() {
        let cases = [
            ("about = \"x\"\ntypo = 1\n", 2),
            ("about = \"x\"\n[groups]\ncount = 0\n[[bodies]]\nfamilies = 1\n", 3),
            ("about = \"x\"\n[groups]\ncount = 1\nchurn = 1.5\n[[bodies]]\nfamilies = 1\n", 4),
            ("about = \"x\"\nduration = \"10\"\n", 2),
            ("about = \" \"\n[groups]\ncount = 1\n[[bodies]]\nfamilies = 1\n", 1),
            ("about = \"x\"\n[groups]\ncount = 1\n[[bodies]]\ngzip = true\n", 4),
            ("about = \"x\"\n[groups]\ncount = 1\n[[bodies]]\nfile = \"a\"\nfamilies = 1\n", 4),
            ("about = \"x\"\n[groups]\ncount = 1\npath = \"/metrics/job/a\"\n", 4),
        ];
        for (text, line) in cases {
            let message = complaint(text);
            assert!(message.contains(&format!("line {line}")), "{text}\n=> {message}");
        }
        let cases = [
            "[arrivals]\nkind = \"constant\"\n",
            "[arrivals]\nkind = \"constant\"\nrate = 5\nsize = 5\n",
            "[arrivals]\nkind = \"bursts\"\nsize = 5\nevery = \"1s\"\nwithin = \"2s\"\n",
            "[mix]\ndelete = 1\n",
        ];
        for text in cases {
            let message = complaint(&format!("{LEAST}{text}"));
            assert!(message.contains("line 6"), "{text}\n=> {message}");
        }
        let message = complaint(&format!("{LEAST}[arrivals]\nkind = \"constant\"\nrate = 0\n"));
        assert!(message.contains("line 8"), "{message}");
    }
}
