//! Settings whose files change.

use std::path::PathBuf;
use std::sync::Mutex;

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

/// A setting of one file that names another, and what is in effect of that: its contents. `bad` cannot be.
fn setting(main: PathBuf) -> (Setting, Arc<Mutex<Vec<String>>>, Arc<ReloadStatus>) {
    let (applied, status) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(ReloadStatus::default()));
    let seen = Arc::clone(&applied);
    let text = |contents: Vec<u8>| String::from_utf8(contents).map_err(|error| error.to_string());
    let load =
        move |files: &mut Files| {
            let named = text(files.read(&main)?)?;
            let found = text(files.read(&main.with_file_name(named))?)?;
            let seen = Arc::clone(&seen);
            match &found[..] {
                "bad" => Err("bad".to_owned()),
                _ => Ok(Box::new(move || seen.lock().expect("nobody panics").push(found.clone()))
                    as Apply),
            }
        };
    let mut files = Files::default();
    load(&mut files).expect("it is valid at first")();
    (Setting::new("test", files, Arc::clone(&status), load), applied, status)
}

#[test]
fn a_setting_is_applied_anew_when_a_file_that_it_has_read_changes() {
    let folder = Folder::new("reload-changes");
    folder.write("one", "1");
    folder.write("two", "2");
    let (mut setting, applied, _) = setting(folder.write("main", "one"));
    let mut looks = |expected: &[&str], why: &str| {
        setting.look();
        setting.look();
        assert_eq!(*applied.lock().expect("nobody panics"), expected, "{why}");
    };
    looks(&["1"], "nothing has changed");
    folder.write("one", "1");
    looks(&["1"], "the same contents are no change");
    folder.write("two", "3");
    looks(&["1"], "it does not read this one");
    folder.write("one", "9");
    looks(&["1", "9"], "the file that it names");
    folder.write("main", "two");
    looks(&["1", "9", "3"], "the file itself");
    folder.write("one", "8");
    looks(&["1", "9", "3"], "this one is named no more");
    folder.write("two", "4");
    looks(&["1", "9", "3", "4"], "but this one is");
}

#[test]
fn what_is_half_written_never_takes_effect() {
    let folder = Folder::new("reload-halves");
    folder.write("one", "users");
    folder.write("two", "");
    let (mut setting, applied, status) = setting(folder.write("main", "one"));
    let mut look = |expected: &[&str], why: &str| {
        setting.look();
        assert_eq!(*applied.lock().expect("nobody panics"), expected, "{why}");
    };
    // A file that is written in place is empty for a moment, then half there.
    for half in ["", "us", "", "users and mo"] {
        folder.write("one", half);
        look(&["users"], half);
    }
    folder.write("one", "users and more");
    look(&["users"], "it may still grow");
    look(&["users", "users and more"], "it is whole");

    folder.write("main", "two");
    look(&["users", "users and more"], "the other is new, and still empty");
    folder.write("two", "other users");
    look(&["users", "users and more"], "and has changed since");
    look(&["users", "users and more", "other users"], "it is whole, too");

    folder.write("two", "");
    look(&["users", "users and more", "other users"], "half of a change");
    folder.write("two", "other users");
    look(&["users", "users and more", "other users"], "that was none");
    folder.write("two", "");
    look(&["users", "users and more", "other users"], "and is forgotten");
    assert!(!status.has_failed());
}

#[test]
fn trouble_counts_only_if_it_lasts() {
    let folder = Folder::new("reload-trouble");
    folder.write("one", "1");
    let (mut setting, applied, status) = setting(folder.write("main", "one"));
    assert!(!status.has_failed());
    folder.write("one", "bad");
    setting.look();
    assert!(!status.has_failed(), "it may be half of a change");
    folder.write("one", "2");
    setting.look();
    setting.look();
    assert!(!status.has_failed(), "it was");

    std::fs::remove_file(folder.0.join("one")).expect("it is there");
    setting.look();
    setting.look();
    assert!(status.has_failed());
    status.succeeded();
    setting.look();
    setting.look();
    assert!(!status.has_failed(), "it is not told again");
    folder.write("one", "bad");
    setting.look();
    setting.look();
    assert!(status.has_failed(), "other trouble is");
    folder.write("one", "3");
    setting.look();
    setting.look();
    assert!(!status.has_failed());
    assert_eq!(*applied.lock().expect("nobody panics"), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_follower_that_dies_is_no_success() {
    let folder = Folder::new("reload-dies");
    let path = folder.write("one", "1");
    let mut files = Files::default();
    files.read(&path).expect("it is there");
    let status = Arc::new(ReloadStatus::default());
    let dying = Setting::new("test", files, Arc::clone(&status), |_| panic!("it dies"));
    folder.write("one", "2");
    let (_never, stopping) = watch::channel(false);
    let followed = tokio::time::timeout(10 * LOOK_WAIT, follow(vec![dying], stopping)).await;
    assert!(followed.is_ok() && status.has_failed());
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
