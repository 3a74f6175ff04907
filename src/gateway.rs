//! Connects the stages and starts them: shards, then listeners, then connections. Stops them in the reverse order.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::access::Access;
use crate::cluster::{Cluster, ClusterError, Joining};
use crate::config::{Address, Bounds, Config, WebSettings};
use crate::history;
use crate::http::{self, Backend, Http};
use crate::listen::{self, Listener};
use crate::own_metrics::{OwnMetrics, reserved};
use crate::persist::{Ended, LockedFile, OpenStore, Opening, Persistence, Saver, Store};
use crate::reload::{self, Setting};
use crate::shard::{Budget, Limits, Options, Shards};
use crate::tls::Acceptor;
use crate::{memory, shutdown, systemd};

/// How long requests at hand may take once the gateway is asked to stop.
pub const DRAIN_WAIT: Duration = Duration::from_secs(30);

/// A gateway that is bound, but does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    http: Arc<Http>,
    backend: Backend,
    listeners: Vec<Listener>,
    shard_tasks: JoinSet<()>,
    persistence: Option<Persistence>,
    cluster: Option<Cluster>,
    acceptor: Option<Acceptor>,
    settings: Vec<Setting>,
    started: Instant,
}

/// Why a gateway does not start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Listen(Address, io::Error),
    /// What systemd hands over cannot be listened on.
    HandedOver(io::Error),
    /// There can be no more threads.
    Thread(io::Error),
    /// A file of settings is not valid.
    Setting(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            StartError::HandedOver(error) => write!(f, "--web.systemd-socket: {error}"),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            StartError::Setting(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for StartError {}

/// Why a gateway has ended otherwise than it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Because of the persistence file.
    #[error(transparent)]
    File(#[from] Ended),
    /// Because of its replica set.
    #[error(transparent)]
    Set(#[from] ClusterError),
}

impl Gateway {
    /// Binds every address and starts the shards, on the current runtime. What was kept on disk is loaded
    /// while the gateway runs.
    ///
    /// # Errors
    /// When a file of settings is not valid, an address cannot be bound, or a thread not be started.
    pub fn start(config: Config) -> Result<Gateway, StartError> {
        let started = Instant::now();
        let own = Arc::new(OwnMetrics::new(http::handlers()));
        let access = Arc::<Access>::default();
        let (mut settings, mut acceptor) = (Vec::new(), None);
        if let Some(file) = config.web.config_file.clone() {
            let web = reload::web(file, Arc::clone(&access), own.web_config());
            let (setting, server) = web.map_err(StartError::Setting)?;
            settings.push(setting);
            acceptor = server;
        }
        if let Some(file) = config.web.policy_file.clone() {
            let policy = reload::policy(file, Arc::clone(&access), own.policy());
            settings.push(policy.map_err(StartError::Setting)?);
        }
        let (mut rules, mut first_rules) = (None, None);
        if let Some(file) = config.rules.file.clone() {
            let (setting, mut current) =
                reload::rules(file, own.rules()).map_err(StartError::Setting)?;
            settings.push(setting);
            first_rules = Some(Arc::clone(&current.borrow_and_update()));
            rules = Some(current);
        }
        let listeners = listeners(&config.web)?;
        let saver = config.persistence.clone().map(Saver::new);
        let joining = config.cluster.clone().map(Joining::new);
        let saving = saver.as_ref().map(Saver::saving);
        let options = Options {
            shards: config.shards.get(),
            reserved: &reserved(),
            limits: limits(&config.bounds),
            group_bytes_max: config.bounds.group_bytes_max,
            saving: saving.or_else(|| joining.as_ref().map(Joining::saving)),
        };
        let (shards, shard_tasks) = Shards::start(&options);
        shards.ledger().bound(config.rules.jobs_max);
        if let Some(rules) = &first_rules {
            shards.set_first_rules(rules);
        }
        let status = saver.as_ref().map(Saver::status);
        let persistence = match (saver, &config.persistence) {
            (Some(saver), Some(options)) => {
                let open = opener(options.file.clone());
                Some(saver.start(shards.clone(), open).map_err(StartError::Thread)?)
            }
            _ => None,
        };
        let membership = joining.as_ref().map(Joining::membership);
        let cluster = joining.map(|joining| joining.start(shards.clone()));
        let backend = Backend {
            config: Arc::new(config),
            shards,
            own,
            persistence: status,
            membership,
            history: Arc::default(),
            access,
            rules,
            scrapers: Arc::default(),
            listening: listeners.iter().map(ToString::to_string).collect(),
            is_tls: acceptor.is_some(),
            stop: watch::Sender::new(false),
        };
        let http = Arc::new(Http::new(backend.clone()).map_err(StartError::Thread)?);
        Ok(Gateway {
            http,
            backend,
            listeners,
            shard_tasks,
            persistence,
            cluster,
            acceptor,
            settings,
            started,
        })
    }

    /// The TCP addresses that are listened on, with the ports that were chosen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::tcp_address).collect()
    }

    #[cfg(test)]
    pub(crate) fn http(&self) -> Arc<Http> {
        Arc::clone(&self.http)
    }

    #[cfg(test)]
    pub(crate) fn backend(&self) -> Backend {
        self.backend.clone()
    }

    /// The rules, which may be replaced while the gateway runs.
    pub fn access(&self) -> &Access {
        &self.backend.access
    }

    /// Set to true to stop the gateway.
    pub fn stopper(&self) -> watch::Sender<bool> {
        self.backend.stop.clone()
    }

    /// Serves until asked to stop. Then accepts nothing more, answers the requests at hand within
    /// [`DRAIN_WAIT`], lets the shards apply what they were sent, and has it written down.
    ///
    /// # Errors
    /// When what was kept on disk cannot be loaded, or the last changes not be kept.
    pub async fn run(self) -> Result<(), RunError> {
        let page = page(&self.backend, &self.addresses());
        let Gateway { http, backend, listeners, mut shard_tasks, started, .. } = self;
        let (mut persistence, mut cluster) = (self.persistence, self.cluster);
        let acceptor = self.acceptor;
        let Backend { config, shards, stop, .. } = &backend;
        for address in &listeners {
            tracing::info!(%address, "listening");
        }
        let bounds = &config.bounds;
        memory::tell(bounds.stored_bytes_max, bounds.memory.as_ref());
        tokio::spawn(reload::follow(self.settings, stop.subscribe()));
        let watchdog = tokio::spawn(systemd::keep_watchdog_quiet(shards.clone()));
        // Every connection holds a sender; once all are gone, so are the connections.
        let (serving, mut all_served) = mpsc::channel::<()>(1);
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| {
                let (http, serving) = (Arc::clone(&http), serving.clone());
                http::accept(listener, http, acceptor.clone(), serving, stop.subscribe())
            })
            .map(tokio::spawn)
            .collect();
        drop(serving);
        tokio::spawn(sample_until_stopped(backend.clone()));
        let mut stopping = stop.subscribe();
        if let Some(persistence) = &mut persistence {
            systemd::loading();
            tokio::select! {
                is_loaded = persistence.loaded() => {
                    if !is_loaded {
                        stop.send_replace(true);
                    } else if shards.budget().is_some_and(Budget::is_exceeded) {
                        tracing::warn!("more is stored than --storage.max-series or --storage.max-bytes allows: nothing can be added");
                    }
                }
                () = shutdown::requested(&mut stopping) => {}
            }
        }
        if !*stopping.borrow() {
            let kept =
                config.persistence.as_ref().map(|options| options.file.display().to_string());
            let kept = kept.or_else(|| {
                config.cluster.as_ref().map(|options| format!("in the stream {}", options.stream()))
            });
            let groups = kept.as_deref().unwrap_or("in memory only: --persistence.file keeps them");
            let (tls, took) = (backend.is_tls, started.elapsed());
            tracing::info!(page, tls, groups, ?took, "ready");
            systemd::ready(config.shards.get());
        }
        let expiring = backend.rules.clone().map(|rules| {
            tokio::spawn(shards.clone().expire_groups(rules, Arc::clone(&backend.scrapers)))
        });
        let mut failed = None;
        tokio::select! {
            () = shutdown::requested(&mut stopping) => {}
            error = ended(&mut cluster) => {
                failed = Some(error);
                stop.send_replace(true);
            }
        }
        systemd::stopping();
        for listener in accepting {
            if let Err(error) = listener.await {
                tracing::error!(err = %error, "a listener has died");
            }
        }
        if tokio::time::timeout(DRAIN_WAIT, all_served.recv()).await.is_err() {
            tracing::warn!("connections were still busy and are cut");
        }
        drop((http, backend));
        watchdog.abort();
        expiring.inspect(JoinHandle::abort);
        if let Some(persistence) = persistence {
            persistence.stop().await?;
        }
        match (failed, cluster) {
            (Some(error), _) => return Err(error.into()),
            (None, Some(cluster)) => cluster.stop().await?,
            (None, None) => {}
        }
        // Connections that were cut may still hold the shards.
        let applied = async { while shard_tasks.join_next().await.is_some() {} };
        let _cut = tokio::time::timeout(Duration::from_secs(1), applied).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Waits until the replica has ended by itself; for ever, without a replica set.
async fn ended(cluster: &mut Option<Cluster>) -> ClusterError {
    match cluster {
        Some(cluster) => cluster.ended().await,
        None => std::future::pending().await,
    }
}

/// Where a browser finds the pages; `None` if no address is TCP and no flag says where.
fn page(backend: &Backend, addresses: &[SocketAddr]) -> Option<String> {
    let web = &backend.config.web;
    if web.external_url.contains("://") {
        return Some(format!("{}/", web.external_url.trim_end_matches('/')));
    }
    let scheme = if backend.is_tls { "https" } else { "http" };
    let address = addresses.first()?;
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    Some(format!("{scheme}://{host}:{}{}/", address.port(), web.route_prefix))
}

/// What may be stored, if anything bounds it.
fn limits(bounds: &Bounds) -> Option<Limits> {
    let limits = Limits {
        series: bounds.series_max.unwrap_or(u64::MAX),
        bytes: bounds.stored_bytes_max.unwrap_or(u64::MAX),
        ..Limits::NONE
    };
    (limits != Limits::NONE).then_some(limits)
}

/// Opens the store in a file.
fn opener(file: PathBuf) -> OpenStore<LockedFile> {
    Box::new(move |opening| match opening {
        Opening::First => Store::open_or_create(&file),
        Opening::Again => Store::open(LockedFile::open(&file)?),
    })
}

async fn sample_until_stopped(backend: Backend) {
    let Backend { shards, own, persistence, history, stop, .. } = &backend;
    let mut stopping = stop.subscribe();
    tokio::select! {
        () = history::sample(history, own, shards, persistence.as_deref()) => {}
        () = shutdown::requested(&mut stopping) => {}
    }
}

/// What is listened on: addresses, or what systemd has bound.
fn listeners(settings: &WebSettings) -> Result<Vec<Listener>, StartError> {
    if settings.systemd_socket {
        return listen::handed_over().map_err(StartError::HandedOver);
    }
    let bind = |address: &Address| {
        listen::bind(address).map_err(|error| StartError::Listen(address.clone(), error))
    };
    settings.listen.iter().map(bind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;
    use crate::exposition::NameRules;
    use crate::push::{GroupingKey, decode};
    use crate::shard::{JobCounts, Mode};

    #[tokio::test]
    async fn the_rules_are_there_before_the_first_push_of_a_new_gateway() {
        let file = std::env::temp_dir().join(format!("shardgate-first-{}.yml", std::process::id()));
        std::fs::write(&file, "rules: [{ match: '{}', expire: 1h }]").expect("it can be written");
        let rules = format!("--rules.file={}", file.display());
        let flags = ["shardgate", "--web.listen-address=127.0.0.1:0", &rules].map(Into::into);
        let config = Flags::from_command_line(flags).expect("the flags are valid").into_config();
        let gateway = Gateway::start(config).expect("it starts");
        drop(std::fs::remove_file(&file));
        // The gateway does not serve yet, so no client can push earlier than this.
        let (shards, mut keys) = (&gateway.backend.shards, Vec::new());
        for group in 0..64 {
            let path = format!("/first/instance/{group}");
            let key = GroupingKey::parse(path.as_bytes(), NameRules::Legacy).expect("a valid path");
            let batch = decode(&key, b"m 1\n", NameRules::Legacy).expect("it is valid");
            let pushed = shards.push(key.clone(), Mode::Replace, batch, None).await;
            assert_eq!(pushed, Ok(()));
            keys.push(key);
        }
        let found = shards.find(&keys).await.expect("the shards live");
        let expires = |expiry: &crate::shard::Expiry| expiry.expires.is_some();
        assert!(found.iter().all(|group| group.expiry.as_deref().is_some_and(expires)));
        let counted = |counts: JobCounts| (counts.pushes, counts.groups);
        assert_eq!(shards.ledger().job("first").map(counted), Some((64, 64)));
    }
}
