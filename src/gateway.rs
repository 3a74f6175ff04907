//! Wires the stages: shards, then listeners, then connections; and stops them in the reverse order.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::access::Access;
use crate::access::policy::{self, PolicyError};
use crate::config::{Address, Config, WebSettings};
use crate::history::History;
use crate::http::{self, Answers, Forms, Http, Scrapes};
use crate::listen;
use crate::own_metrics::{OwnMetrics, RESERVED};
use crate::persist::{Ended, LockedFile, OpenStorage, Opening, Persistence, Saver, Store};
use crate::shard::{Options, Shards};
use crate::shutdown;

/// How many connections are served at a time; more wait to be accepted.
pub const CONNECTIONS_MAX: usize = 32_768;
/// How long requests at hand may take once the gateway is asked to stop.
pub const DRAIN_WAIT: Duration = Duration::from_secs(30);

/// A gateway that is bound, but does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    http: Arc<Http>,
    listeners: Vec<TcpListener>,
    shard_tasks: JoinSet<()>,
    persistence: Option<Persistence>,
}

/// Why a gateway does not start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Listen(Address, io::Error),
    /// The policy file is none.
    Policy(PolicyError),
    /// There can be no more threads.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            StartError::Policy(error) => write!(f, "--auth.policy-file: {error}"),
            StartError::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl Gateway {
    /// Binds every address and starts the shards, on the current runtime. What was kept on disk is loaded
    /// while the gateway runs.
    ///
    /// # Errors
    /// When an address cannot be bound, or a thread not be started.
    pub fn start(config: Config) -> Result<Gateway, StartError> {
        let access = access(&config.web).map_err(StartError::Policy)?;
        let bind = |address: &Address| {
            listen::bind(address).map_err(|error| StartError::Listen(address.clone(), error))
        };
        let listeners = config.web.listen.iter().map(bind).collect::<Result<_, _>>()?;
        let saver = config.persistence.clone().map(Saver::new);
        let options = Options {
            shards: config.shards.get(),
            reserved: &RESERVED,
            saving: saver.as_ref().map(Saver::saving),
        };
        let (shards, shard_tasks) = Shards::start(&options);
        let status = saver.as_ref().map(Saver::status);
        let persistence = match (saver, &config.persistence) {
            (Some(saver), Some(options)) => {
                let open = opener(options.file.clone());
                Some(saver.start(shards.clone(), open).map_err(StartError::Thread)?)
            }
            _ => None,
        };
        let http = Http {
            scrapes: Scrapes::new(config.web.scrapes_max),
            config,
            shards,
            own: OwnMetrics::default(),
            persistence: status,
            history: History::default(),
            access,
            answers: Answers::default(),
            forms: Forms::default(),
            started: SystemTime::now(),
            stop: watch::Sender::new(false),
        };
        Ok(Gateway { http: Arc::new(http), listeners, shard_tasks, persistence })
    }

    /// The addresses that are listened on, with the ports that were chosen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The rules, which may be replaced while the gateway runs.
    pub fn access(&self) -> &Access {
        &self.http.access
    }

    /// Set to true to stop the gateway.
    pub fn stopper(&self) -> watch::Sender<bool> {
        self.http.stop.clone()
    }

    /// Serves until asked to stop. Then accepts nothing more, answers the requests at hand within
    /// [`DRAIN_WAIT`], lets the shards apply what they were sent, and has it written down.
    ///
    /// # Errors
    /// When what was kept on disk cannot be loaded, or the last changes not be kept.
    pub async fn run(self) -> Result<(), Ended> {
        let Gateway { http, listeners, mut shard_tasks, mut persistence } = self;
        for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "listening");
        }
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        // Every connection holds a sender; once all are gone, so are the connections.
        let (serving, mut all_served) = mpsc::channel::<()>(1);
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| {
                let (http, serving) = (Arc::clone(&http), serving.clone());
                accept_until_stopped(listener, http, Arc::clone(&connections), serving)
            })
            .map(tokio::spawn)
            .collect();
        drop(serving);
        tokio::spawn(sample_until_stopped(Arc::clone(&http)));
        if let Some(persistence) = &mut persistence {
            let mut stopping = http.stop.subscribe();
            tokio::select! {
                is_loaded = persistence.loaded() => {
                    if !is_loaded {
                        http.stop.send_replace(true);
                    }
                }
                () = shutdown::requested(&mut stopping) => {}
            }
        }
        for listener in accepting {
            if let Err(error) = listener.await {
                tracing::error!(err = %error, "a listener has died");
            }
        }
        if tokio::time::timeout(DRAIN_WAIT, all_served.recv()).await.is_err() {
            tracing::warn!("connections were still busy and are cut");
        }
        drop(http);
        if let Some(persistence) = persistence {
            persistence.stop().await?;
        }
        // Connections that were cut may still hold the shards.
        let applied = async { while shard_tasks.join_next().await.is_some() {} };
        let _cut = tokio::time::timeout(Duration::from_secs(1), applied).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The rules that the files say.
fn access(settings: &WebSettings) -> Result<Access, PolicyError> {
    let access = Access::default();
    if let Some(file) = &settings.policy_file {
        access.replace_policy(policy::load(file)?);
    }
    for doubt in access.doubts() {
        tracing::warn!("{doubt}");
    }
    Ok(access)
}

/// Opens the store in a file.
fn opener(file: PathBuf) -> OpenStorage {
    Box::new(move |opening| {
        let store = match opening {
            Opening::First => Store::open_or_create(&file)?,
            Opening::Again => Store::open_again(LockedFile::open(&file)?)?,
        };
        Ok(Box::new(store))
    })
}

async fn sample_until_stopped(http: Arc<Http>) {
    let mut stopping = http.stop.subscribe();
    tokio::select! {
        () = http.sample() => {}
        () = shutdown::requested(&mut stopping) => {}
    }
}

async fn accept_until_stopped(
    listener: TcpListener,
    http: Arc<Http>,
    connections: Arc<Semaphore>,
    serving: mpsc::Sender<()>,
) {
    let mut stopping = http.stop.subscribe();
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listen::accept(&listener).await)
        };
        let (permit, (stream, peer)) = tokio::select! {
            next = next => next,
            () = shutdown::requested(&mut stopping) => return,
        };
        let (http, stopping, serving) = (Arc::clone(&http), stopping.clone(), serving.clone());
        tokio::spawn(async move {
            let client = http::Client { source: http::Source::Ip(peer), certificate: None };
            http::serve(http, stream, client, stopping).await;
            drop((permit, serving));
        });
    }
}
