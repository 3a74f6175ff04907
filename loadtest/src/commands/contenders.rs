//! The targets of a comparison: those given by URL and those started for it.

use std::error::Error;
use std::path::Path;

use super::args::CompareArgs;
use crate::client::Target;
use crate::measure::{Process, process_listening_on};
use crate::output::note;
use crate::profile::Profile;
use crate::spawn::{Recipe, Spawned};

/// One target, with what keeps it running if it was started here.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) process: Option<Process>,
    _running: Option<Spawned>,
}

/// All targets of the command line, the started ones ready.
pub(crate) fn assemble(
    args: &CompareArgs,
    profile: &Profile,
) -> Result<Vec<Contender>, Box<dyn Error>> {
    let mut contenders = Vec::new();
    for text in &args.targets {
        contenders.push(existing(text, profile, args.workload.i_own_this_target)?);
    }
    if args.sink {
        let tls = &args.sink_tls;
        let ca_file = tls.sink_cert.as_ref().and(profile.ca_file());
        let files = tls.sink_cert.as_deref().zip(tls.sink_key.as_deref());
        if files.is_some() && ca_file.is_none() {
            return Err("--sink-cert needs --ca, the authority that signed it".into());
        }
        contenders.push(started(&Recipe::sink(files)?, ca_file)?);
    }
    for recipe in &args.spawn {
        contenders.push(started(recipe, profile.ca_file())?);
    }
    if contenders.is_empty() {
        return Err("nothing to measure: give --target, --spawn or --sink".into());
    }
    Ok(contenders)
}

/// `name=URL` or a URL, which then is its own name.
fn existing(text: &str, profile: &Profile, owned: bool) -> Result<Contender, Box<dyn Error>> {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if !name.contains('/') => (name, url),
        _ => (text, text),
    };
    let target = Target::parse(url, profile.ca_file(), owned)?;
    let process =
        if target.address.ip().is_loopback() { process_listening_on(target.address) } else { None };
    Ok(Contender { name: name.to_owned(), target, process, _running: None })
}

/// Starts a target and waits until it is ready.
pub(super) fn started(
    recipe: &Recipe,
    ca_file: Option<&Path>,
) -> Result<Contender, Box<dyn Error>> {
    note(&format!("starting {}", recipe.name));
    let running = Spawned::start(recipe, ca_file)?;
    Ok(Contender {
        name: recipe.name.clone(),
        target: running.target.clone(),
        process: Some(running.process()),
        _running: Some(running),
    })
}
