//! Wires the stages: shards, then listeners, then connections; and stops them in the reverse order.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::access::Access;
use crate::config::{Address, Bounds, Config, WebSettings};
use crate::history::History;
use crate::http::{
    self, Answers, Decoders, Forms, Http, InFlight, RESERVE_WAIT, Scrapes, Seat, Seats,
};
use crate::listen::{self, Client, Listener, Protocol, Source};
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
    listeners: Vec<Listener>,
    shard_tasks: JoinSet<()>,
    persistence: Option<Persistence>,
    acceptor: Option<Acceptor>,
    settings: Vec<Setting>,
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

impl Gateway {
    /// Binds every address and starts the shards, on the current runtime. What was kept on disk is loaded
    /// while the gateway runs.
    ///
    /// # Errors
    /// When a file of settings is not valid, an address cannot be bound, or a thread not be started.
    pub fn start(config: Config) -> Result<Gateway, StartError> {
        let (own, access) = (OwnMetrics::default(), Arc::new(Access::default()));
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
        let listeners = listeners(&config.web)?;
        let saver = config.persistence.clone().map(Saver::new);
        let options = Options {
            shards: config.shards.get(),
            reserved: &reserved(),
            limits: limits(&config.bounds),
            group_bytes_max: config.bounds.group_bytes_max,
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
        let in_flight_bytes_max = config.bounds.in_flight_bytes_max;
        let http = Http {
            scrapes: Scrapes::new(config.web.scrapes_max),
            unread: Arc::default(),
            seats: Seats::new(config.web.connections_max),
            config,
            shards,
            own,
            persistence: status,
            history: History::default(),
            access,
            in_flight: Arc::new(InFlight::new(in_flight_bytes_max)),
            decoders: Decoders::start().map_err(StartError::Thread)?,
            answers: Answers::default(),
            forms: Forms::default(),
            listening: listeners.iter().map(ToString::to_string).collect(),
            is_tls: acceptor.is_some(),
            started: SystemTime::now(),
            stop: watch::Sender::new(false),
        };
        let http = Arc::new(http);
        Ok(Gateway { http, listeners, shard_tasks, persistence, acceptor, settings })
    }

    /// The TCP addresses that are listened on, with the ports that were chosen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::tcp_address).collect()
    }

    #[cfg(test)]
    pub(crate) fn http(&self) -> Arc<Http> {
        Arc::clone(&self.http)
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
        let Gateway { http, listeners, mut shard_tasks, mut persistence, acceptor, settings } =
            self;
        for address in &listeners {
            tracing::info!(%address, "listening");
        }
        let bounds = &http.config.bounds;
        memory::tell(bounds.stored_bytes_max, bounds.memory.as_ref());
        tokio::spawn(reload::follow(settings, http.stop.subscribe()));
        let watchdog = tokio::spawn(systemd::keep_watchdog_quiet(http.shards.clone()));
        // Every connection holds a sender; once all are gone, so are the connections.
        let (serving, mut all_served) = mpsc::channel::<()>(1);
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| {
                let (http, serving) = (Arc::clone(&http), serving.clone());
                accept_until_stopped(listener, http, acceptor.clone(), serving)
            })
            .map(tokio::spawn)
            .collect();
        drop(serving);
        tokio::spawn(sample_until_stopped(Arc::clone(&http)));
        let mut stopping = http.stop.subscribe();
        if let Some(persistence) = &mut persistence {
            systemd::loading();
            tokio::select! {
                is_loaded = persistence.loaded() => {
                    if !is_loaded {
                        http.stop.send_replace(true);
                    } else if http.shards.budget().is_some_and(Budget::is_exceeded) {
                        tracing::warn!("more is stored than --storage.max-series or --storage.max-bytes allows: nothing can be added");
                    }
                }
                () = shutdown::requested(&mut stopping) => {}
            }
        }
        if !*stopping.borrow() {
            systemd::ready(http.config.shards.get());
        }
        shutdown::requested(&mut stopping).await;
        systemd::stopping();
        for listener in accepting {
            if let Err(error) = listener.await {
                tracing::error!(err = %error, "a listener has died");
            }
        }
        if tokio::time::timeout(DRAIN_WAIT, all_served.recv()).await.is_err() {
            tracing::warn!("connections were still busy and are cut");
        }
        drop(http);
        watchdog.abort();
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

async fn sample_until_stopped(http: Arc<Http>) {
    let mut stopping = http.stop.subscribe();
    tokio::select! {
        () = http.sample() => {}
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

async fn accept_until_stopped(
    mut listener: Listener,
    http: Arc<Http>,
    acceptor: Option<Acceptor>,
    serving: mpsc::Sender<()>,
) {
    let mut stopping = http.stop.subscribe();
    loop {
        // The one connection that waits for a seat is accepted already: while none comes, none is taken.
        let next = async {
            let accepted = listener.accept().await;
            (accepted, http.seats.take().await)
        };
        let ((stream, source), seat) = tokio::select! {
            next = next => next,
            () = shutdown::requested(&mut stopping) => return,
        };
        let (http, stopping, serving) = (Arc::clone(&http), stopping.clone(), serving.clone());
        let watched = Arc::clone(&http);
        // Two tasks rather than one that can be either, which would be as large as the larger.
        match acceptor.clone() {
            None => tokio::spawn(async move {
                let _watch = watched.own.watch_panics();
                let client = Client { source, certificate: None };
                serve(http, stream, Protocol::Http1, client, &seat, stopping).await;
                drop((seat, serving));
            }),
            Some(acceptor) => tokio::spawn(async move {
                let _watch = watched.own.watch_panics();
                let served = serve_tls(http, acceptor, stream, source, &seat, stopping);
                match &seat {
                    Seat::Serving(_) => served.await,
                    // The handshake is no reason to stay longer.
                    Seat::Reserve(_) => drop(tokio::time::timeout(RESERVE_WAIT, served).await),
                }
                drop((seat, serving));
            }),
        };
    }
}

/// Serves a connection in its seat.
async fn serve(
    http: Arc<Http>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    client: Client,
    seat: &Seat,
    stopping: watch::Receiver<bool>,
) {
    match seat {
        Seat::Serving(_) => http::serve(http, stream, protocol, client, stopping).await,
        // In a box: larger than what all others need, and seldom.
        Seat::Reserve(_) => Box::pin(http::serve_in_reserve(http, stream, protocol)).await,
    }
}

/// Serves a connection once its handshake is done.
async fn serve_tls(
    http: Arc<Http>,
    acceptor: Acceptor,
    stream: listen::Stream,
    source: Source,
    seat: &Seat,
    mut stopping: watch::Receiver<bool>,
) {
    let accepted = tokio::select! {
        accepted = acceptor.accept(stream) => accepted,
        () = shutdown::requested(&mut stopping) => return,
    };
    match accepted {
        Ok((stream, certificate, protocol)) => {
            let client = Client { source, certificate };
            serve(http, stream, protocol, client, seat, stopping).await;
        }
        Err(error) => tracing::debug!(%source, err = %error, "TLS handshake failed"),
    }
}
