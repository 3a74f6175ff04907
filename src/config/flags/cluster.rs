//! The flags of a replica set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::value;
use crate::cluster::Options;
use crate::config::Secret;
use crate::duration;

#[derive(Debug, Args)]
pub(super) struct ClusterFlags {
    /// NATS server that keeps the groups of a replica set, such as nats://nats-1:4222, or tls:// for TLS. Repeatable.
    #[arg(long = "cluster.nats", value_name = "URL", value_delimiter = ',', value_parser = value::nats)]
    nats: Vec<String>,

    /// File with the credentials for NATS, as nsc writes it.
    #[arg(
        long = "cluster.nats-credentials",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    nats_credentials: String,

    /// File of the authorities that have signed the certificates of the NATS servers, as PEM.
    #[arg(
        long = "cluster.nats-ca",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    nats_ca: String,

    /// Name of the replica set. All its replicas have the same name, and sets that share NATS have different names.
    #[arg(long = "cluster.name", value_name = "NAME", default_value = "shardgate", value_parser = value::cluster_name)]
    name: String,

    /// Copies of the stream that NATS keeps: 1, 3 or 5. It is not the number of gateways.
    #[arg(long = "cluster.replicas", value_name = "N", default_value = "3", value_parser = value::replicas)]
    replicas: u8,

    /// URL at which the other replicas reach this one, such as http://10.0.0.1:9091.
    #[arg(long = "cluster.advertise", value_name = "URL", value_parser = value::advertise)]
    advertise: Option<String>,

    /// File of the authorities that have signed the certificates of the replicas, as PEM; for https.
    #[arg(long = "cluster.ca", value_name = "FILE", default_value = "", hide_default_value = true)]
    ca: String,

    /// How long the leader may say nothing until another replica takes over, as a Go duration.
    #[arg(long = "cluster.lease", value_name = "DURATION", default_value = "3s", value_parser = value::lease)]
    lease: Duration,

    /// How long a replica answers scrapes after it has last heard from the set.
    #[arg(long = "cluster.max-staleness", value_name = "DURATION", default_value = "30s", value_parser = value::staleness)]
    max_staleness: Duration,

    /// File with the secret of the set, at least 16 bytes, the same on all replicas.
    #[arg(long = "cluster.secret-file", value_name = "FILE", value_parser = secret)]
    secret: Option<(PathBuf, Secret)>,
}

impl ClusterFlags {
    /// Whether the flags go together. `has_file` is whether there is a persistence file.
    ///
    /// # Errors
    /// Which do not, by their flags.
    pub(super) fn check(&self, has_file: bool) -> Result<(), String> {
        if self.nats.is_empty() {
            let alone = [
                ("--cluster.advertise", self.advertise.is_some()),
                ("--cluster.ca", !self.ca.is_empty()),
                ("--cluster.nats-ca", !self.nats_ca.is_empty()),
                ("--cluster.nats-credentials", !self.nats_credentials.is_empty()),
                ("--cluster.secret-file", self.secret.is_some()),
            ];
            return match alone.iter().find(|(_, is_given)| *is_given) {
                Some((flag, _)) => Err(format!(
                    "{flag} is for a replica set, and there is none: give --cluster.nats too, or leave {flag} out"
                )),
                None => Ok(()),
            };
        }
        if has_file {
            return Err(
                "--cluster.nats and --persistence.file do not go together: the groups of a replica set are \
                 kept in NATS; start without --persistence.file, and copy the groups of the file with \
                 shardgate import"
                    .to_owned(),
            );
        }
        let Some(advertise) = &self.advertise else {
            return Err("--cluster.nats needs --cluster.advertise: the URL at which the other replicas reach \
                        this one, such as http://10.0.0.1:9091"
                .to_owned());
        };
        if self.secret.is_none() {
            return Err(
                "--cluster.nats needs --cluster.secret-file: a file with the same secret on all replicas; \
                 make one with openssl rand -hex 32"
                    .to_owned(),
            );
        }
        if advertise.starts_with("https://") && self.ca.is_empty() {
            return Err(format!(
                "--cluster.advertise {advertise:?} needs --cluster.ca: the file of the authorities that have \
                 signed the certificates of the replicas"
            ));
        }
        let (lease, staleness) = (self.lease, self.max_staleness);
        if staleness <= lease {
            return Err(format!(
                "--cluster.max-staleness ({}) must be longer than --cluster.lease ({}): a replica hears \
                 nothing for a lease when the leader fails",
                duration::shown(staleness),
                duration::shown(lease)
            ));
        }
        Ok(())
    }

    /// The flags with their values, the set that they describe, and the authorities of its replicas.
    pub(super) fn into_settings(
        self,
    ) -> ([(&'static str, String); 10], Option<Options>, Option<PathBuf>) {
        let nats: Vec<_> = self.nats.iter().map(|url| without_password(url)).collect();
        let secret_file = self.secret.as_ref().map(|(file, _)| file.display().to_string());
        let flags = [
            ("cluster.advertise", self.advertise.clone().unwrap_or_default()),
            ("cluster.ca", self.ca.clone()),
            ("cluster.lease", duration::shown(self.lease)),
            ("cluster.max-staleness", duration::shown(self.max_staleness)),
            ("cluster.name", self.name.clone()),
            ("cluster.nats", nats.join(",")),
            ("cluster.nats-ca", self.nats_ca.clone()),
            ("cluster.nats-credentials", self.nats_credentials.clone()),
            ("cluster.replicas", self.replicas.to_string()),
            ("cluster.secret-file", secret_file.unwrap_or_default()),
        ];
        let file = |path: String| Some(path).filter(|path| !path.is_empty()).map(PathBuf::from);
        let replica_ca = file(self.ca);
        let (true, Some(advertise), Some((_, secret))) =
            (!self.nats.is_empty(), self.advertise, self.secret)
        else {
            return (flags, None, None);
        };
        let options = Options {
            nats: self.nats,
            credentials: file(self.nats_credentials),
            ca: file(self.nats_ca),
            name: self.name,
            replicas: self.replicas,
            advertise,
            lease: self.lease,
            max_staleness: self.max_staleness,
            secret: secret.bytes(),
        };
        (flags, Some(options), replica_ca)
    }
}

/// A URL as the pages show it.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        _ => url.to_owned(),
    }
}

/// Reads the secret of a set.
fn secret(file: &str) -> Result<(PathBuf, Secret), String> {
    Ok((PathBuf::from(file), Secret::read(Path::new(file))?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::{Config, Flags};

    fn config(words: &[&str]) -> Result<Config, String> {
        let words = std::iter::once("shardgate").chain(words.iter().copied()).map(Into::into);
        Flags::from_command_line(words).map(Flags::into_config).map_err(|error| error.to_string())
    }

    /// A file with a secret, and the flag that names it.
    fn secret_file(name: &str, secret: &str, mode: u32) -> (PathBuf, String) {
        let name = format!("shardgate-secret-{}-{name}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, secret).expect("there is room");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
        let flag = format!("--cluster.secret-file={}", file.display());
        (file, flag)
    }

    const NATS: &str = "--cluster.nats=nats://nats-1:4222";
    const ADVERTISE: &str = "--cluster.advertise=http://10.0.0.1:9091";

    #[test]
    fn a_set_has_servers_an_address_and_a_secret() {
        let (file, secret) = secret_file("good", "sixteen bytes it is\n", 0o640);
        let second = "--cluster.nats=tls://user:word@nats-2";
        let config = config(&[NATS, second, ADVERTISE, &secret]).expect("it is a set");
        let cluster = config.cluster.expect("it is one");
        assert_eq!(cluster.nats, ["nats://nats-1:4222", "tls://user:word@nats-2"]);
        assert_eq!(&*cluster.secret, b"sixteen bytes it is");
        assert_eq!((&*cluster.name, cluster.replicas), ("shardgate", 3));
        assert_eq!((cluster.lease.as_secs(), cluster.max_staleness.as_secs()), (3, 30));
        let shown = format!("{:?} {:?}", config.flags, cluster);
        assert!(shown.contains("tls://...@nats-2") && !shown.contains("sixteen"), "{shown}");
        fs::remove_file(file).expect("it was there");
    }

    #[test]
    fn without_a_set_nothing_of_one_is_given() {
        assert!(config(&[]).is_ok_and(|config| config.cluster.is_none()));
        for flag in
            [ADVERTISE, "--cluster.ca=/x", "--cluster.nats-ca=/x", "--cluster.nats-credentials=/x"]
        {
            let error = config(&[flag]).expect_err(flag);
            let name = flag.split('=').next().unwrap_or_default();
            assert!(error.contains(name) && error.contains("--cluster.nats too"), "{error}");
        }
    }

    #[test]
    fn flags_that_do_not_go_together_say_which_and_what_to_do() {
        let (file, secret) = secret_file("together", "sixteen bytes it is", 0o600);
        for (flags, said) in [
            (&[NATS][..], &["--cluster.nats", "--cluster.advertise", "http://10.0.0.1:9091"][..]),
            (&[NATS, ADVERTISE], &["--cluster.secret-file", "openssl rand"]),
            (
                &[NATS, ADVERTISE, &secret, "--persistence.file=/x"],
                &["--persistence.file", "shardgate import"],
            ),
            (
                &[NATS, &secret, "--cluster.advertise=https://a:9091"],
                &["--cluster.ca", "https://a:9091"],
            ),
            (
                &[NATS, ADVERTISE, &secret, "--cluster.lease=10s", "--cluster.max-staleness=10s"],
                &["--cluster.max-staleness (10s)", "--cluster.lease (10s)"],
            ),
        ] {
            let error = config(flags).expect_err("they do not go together");
            assert!(said.iter().all(|said| error.contains(said)), "{flags:?}: {error}");
        }
        fs::remove_file(file).expect("it was there");
    }

    #[test]
    fn a_secret_is_long_and_is_kept_from_others() {
        let (short, too_short) = secret_file("short", "fifteen bytes !\n\n", 0o600);
        let (open, too_open) = secret_file("open", "sixteen bytes it is", 0o604);
        let long = "x".repeat(5000);
        let (long, too_long) = secret_file("long", &long, 0o600);
        for (flag, said) in [
            (&*too_short, "has 15 bytes, and needs at least 16"),
            (&too_open, "chmod o-rw"),
            (&too_long, "more than 4096 bytes"),
            ("--cluster.secret-file=/no/such/file", "/no/such/file: No such file"),
        ] {
            let error = config(&[NATS, ADVERTISE, flag]).expect_err(flag);
            assert!(error.contains(said) && error.contains("--cluster.secret-file"), "{error}");
        }
        for file in [short, open, long] {
            fs::remove_file(file).expect("it was there");
        }
    }

    #[test]
    fn values_that_cannot_be_used_are_quoted_with_what_is_expected() {
        for (flag, said) in [
            ("--cluster.replicas=2", "expected 1, 3 or 5"),
            ("--cluster.replicas=many", "expected 1, 3 or 5"),
            ("--cluster.nats=http://nats:4222", "expected a URL such as nats://nats-1:4222"),
            ("--cluster.nats=nats-1:4222", "expected a URL such as nats://nats-1:4222"),
            ("--cluster.nats=nats://", "expected a URL such as nats://nats-1:4222"),
            ("--cluster.name=a.b", "letters, digits, - and _"),
            ("--cluster.name=", "letters, digits, - and _"),
            ("--cluster.advertise=10.0.0.1:9091", "http://HOST:PORT"),
            ("--cluster.advertise=http://10.0.0.1:9091/push", "http://HOST:PORT"),
            ("--cluster.advertise=http://u:p@10.0.0.1:9091", "http://HOST:PORT"),
            ("--cluster.advertise=http://0.0.0.0:9091", "no other replica can connect"),
            ("--cluster.advertise=http://[::]:9091", "no other replica can connect"),
            ("--cluster.lease=100ms", "from 500ms to 1m"),
            ("--cluster.lease=2m", "from 500ms to 1m"),
            ("--cluster.lease=3", "from 500ms to 1m"),
            ("--cluster.max-staleness=500ms", "from 1s to 1h"),
            ("--cluster.max-staleness=2h", "from 1s to 1h"),
        ] {
            let error = config(&[flag]).expect_err(flag);
            let (name, value) = flag.split_once('=').expect("it has a value");
            let is_named = error.contains(name) && error.contains(value);
            assert!(is_named && error.contains(said), "{error}");
        }
    }
}
