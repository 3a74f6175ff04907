//! A gateway as small as `--verify` needs it, which loses pushes on request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::server::{Reaction, Request, Server};

/// What becomes of a push that is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Kept,
    Forgotten,
    /// Only the begin of it is applied.
    Halved,
}

/// A gateway that decides the fate of its `n`th push.
pub(crate) fn start(fate: impl Fn(u64) -> Fate + Send + Sync + 'static) -> Server {
    Server::start(behaviour(fate))
}

/// One that knows only who shows these credentials, and keeps what they push.
pub(crate) fn guarded(authorization: &'static str) -> Server {
    let known = behaviour(|_| Fate::Kept);
    Server::start(move |request: Request| {
        if request.authorization.as_deref() == Some(authorization) {
            return known(request);
        }
        Reaction::Answer(401, "Unauthorized\n".to_owned())
    })
}

fn behaviour(
    fate: impl Fn(u64) -> Fate + Send + Sync + 'static,
) -> impl Fn(Request) -> Reaction + Send + Sync + 'static {
    let groups: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let pushes = AtomicU64::new(0);
    move |request: Request| {
        let mut groups = groups.lock().expect("no thread panicked");
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/metrics") => {
                let text = groups.iter().map(|(path, body)| labelled(path, body)).collect();
                return Reaction::Answer(200, text);
            }
            ("GET", _) => return Reaction::Answer(404, String::new()),
            ("DELETE", path) => {
                groups.remove(path);
                return Reaction::Answer(202, String::new());
            }
            _ => {}
        }
        let mut text = String::from_utf8(request.body).expect("a text body");
        match fate(pushes.fetch_add(1, Ordering::Relaxed)) {
            Fate::Kept => {}
            Fate::Forgotten => return Reaction::Answer(200, String::new()),
            Fate::Halved => text = text.lines().take(8).map(|line| format!("{line}\n")).collect(),
        }
        groups.insert(request.path, text);
        Reaction::Answer(200, String::new())
    }
}

/// The samples of a group with its grouping labels put in.
fn labelled(path: &str, body: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let labels: Vec<String> =
        segments.chunks(2).map(|pair| format!("{}=\"{}\"", pair[0], pair[1])).collect();
    let labels = labels.join(",");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| match line.split_once('{') {
            Some((name, rest)) => format!("{name}{{{labels},{rest}\n"),
            None => {
                let (name, value) = line.split_once(' ').expect("a sample");
                format!("{name}{{{labels}}} {value}\n")
            }
        })
        .collect()
}
