//! Settings whose files change.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("shardgate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("it can be made");
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("it can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A setting of one file that names another. Applied are their contents; `bad` cannot be.
fn setting(main: PathBuf) -> (Setting, Arc<AtomicUsize>, Arc<ReloadStatus>) {
    let (tries, status) = (Arc::new(AtomicUsize::new(0)), Arc::new(ReloadStatus::default()));
    let counted = Arc::clone(&tries);
    let apply = move |files: &mut Files| {
        counted.fetch_add(1, Relaxed);
        let named = String::from_utf8(files.read(&main)?).map_err(|error| error.to_string())?;
        match &files.read(&main.with_file_name(named))?[..] {
            b"bad" => Err("bad".to_owned()),
            _ => Ok(()),
        }
    };
    let mut files = Files::default();
    apply(&mut files).expect("it is valid at first");
    (Setting::new("test", files, Arc::clone(&status), apply), tries, status)
}

#[test]
fn a_setting_is_applied_anew_when_a_file_that_it_has_read_changes() {
    let folder = Folder::new("reload-changes");
    folder.write("one", "1");
    folder.write("two", "2");
    let (mut setting, tries, _) = setting(folder.write("main", "one"));
    let mut looks = |expected: usize, why: &str| {
        setting.look();
        setting.look();
        assert_eq!(tries.load(Relaxed), expected, "{why}");
    };
    looks(1, "nothing has changed");
    folder.write("one", "1");
    looks(1, "the same contents are no change");
    folder.write("two", "3");
    looks(1, "it does not read this one");
    folder.write("one", "9");
    looks(2, "the file that it names");
    folder.write("main", "two");
    looks(3, "the file itself");
    folder.write("one", "8");
    looks(3, "this one is named no more");
    folder.write("two", "4");
    looks(4, "but this one is");
}

#[test]
fn trouble_is_told_once_and_only_if_it_lasts() {
    let folder = Folder::new("reload-trouble");
    folder.write("one", "1");
    let (mut setting, tries, status) = setting(folder.write("main", "one"));
    assert!(!status.has_failed());
    folder.write("one", "bad");
    setting.look();
    assert!(!status.has_failed() && setting.trouble.is_some(), "it may be half of a change");
    folder.write("one", "2");
    setting.look();
    assert!(!status.has_failed() && setting.trouble.is_none(), "it was");

    std::fs::remove_file(folder.0.join("one")).expect("it is there");
    setting.look();
    setting.look();
    assert!(status.has_failed() && setting.trouble.is_none(), "it has been told");
    assert_eq!(tries.load(Relaxed), 4);
    setting.look();
    assert!(setting.trouble.is_none() && tries.load(Relaxed) == 4, "and is not told again");
    folder.write("one", "3");
    setting.look();
    assert!(!status.has_failed());
}

#[test]
fn what_is_no_file_or_too_large_is_not_read() {
    let folder = Folder::new("reload-files");
    let mut files = Files::default();
    assert!(files.read(&folder.0).is_err_and(|error| error.contains("not a file")));
    let large = folder.write("large", &"x".repeat(FILE_BYTES_MAX));
    assert!(files.read(&large).is_ok_and(|contents| contents.len() == FILE_BYTES_MAX));
    folder.write("large", &"x".repeat(FILE_BYTES_MAX + 1));
    assert!(files.have_changed());
    assert!(files.read(&large).is_err_and(|error| error.contains("larger than 1048576 bytes")));
    assert!(!files.have_changed());
}
