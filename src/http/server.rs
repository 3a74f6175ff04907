//! Everything that answers requests: one state for each family of endpoints, with what that family needs.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::access::Access;
use crate::cluster::Membership;
use crate::config::Config;
use crate::history::History;
use crate::http::admin::Admin;
use crate::http::api::check::CheckApi;
use crate::http::api::history::HistoryApi;
use crate::http::api::queries::Queries;
use crate::http::api::rejections::RejectionsApi;
use crate::http::api::sd::Discovery;
use crate::http::api::status::BuildStatus;
use crate::http::body::in_flight::InFlight;
use crate::http::body::unread_answers::Unread;
use crate::http::connection::limit::ConnectionLimit;
use crate::http::forward::set::ReplicaSet;
use crate::http::lifecycle::Lifecycle;
use crate::http::probes::Probes;
use crate::http::push::cors::PushOrigins;
use crate::http::push::decoders::Decoders;
use crate::http::push::elsewhere::Elsewhere;
use crate::http::push::groups::Groups;
use crate::http::push::placed::Places;
use crate::http::push::prologue::Prologue;
use crate::http::request::admission::Admission;
use crate::http::request::path::Paths;
use crate::http::scrape::endpoint::{Scrapes, Slots};
use crate::http::storage::{Keeper, Storage};
use crate::http::ui::console::Console;
use crate::http::ui::expired::ExpiredPages;
use crate::http::ui::forms::Forms;
use crate::http::ui::group_scan::GroupScans;
use crate::http::ui::overview::Overview;
use crate::http::ui::rejections::RejectionPages;
use crate::http::ui::site::Site;
use crate::http::ui::status::StatusPages;
use crate::http::ui::token::Tokens;
use crate::http::ui::views::Views;
use crate::http::ui::watch::Watch;
use crate::own_metrics::OwnMetrics;
use crate::persist;
use crate::rejections::Rejections;
use crate::rules::GroupRules;
use crate::shard::{Scrapers as Readers, Shards};

/// What answers requests; shared by all connections.
#[derive(Debug)]
pub struct Http {
    pub(crate) config: Arc<Config>,
    pub(crate) own: Arc<OwnMetrics>,
    pub(crate) paths: Paths,
    pub(crate) admission: Admission,
    pub(crate) push_origins: PushOrigins,
    pub(crate) connections: Arc<ConnectionLimit>,
    pub(crate) unread: Arc<Unread>,
    pub(crate) rejections: Arc<Rejections>,
    /// The replica set; `None` for a gateway that stands alone.
    pub(crate) set: Option<Arc<ReplicaSet>>,
    // The families of endpoints.
    pub(crate) groups: Groups,
    pub(crate) places: Places,
    pub(crate) scrapes: Arc<Scrapes>,
    pub(crate) probes: Probes,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) admin: Admin,
    pub(crate) build_status: BuildStatus,
    pub(crate) queries: Queries,
    pub(crate) history: HistoryApi,
    pub(crate) rejections_api: RejectionsApi,
    pub(crate) discovery: Discovery,
    pub(crate) check_api: CheckApi,
    pub(crate) site: Site,
    pub(crate) overview: Overview,
    pub(crate) status: StatusPages,
    pub(crate) views: Views,
    pub(crate) expired_pages: ExpiredPages,
    pub(crate) rejection_pages: RejectionPages,
    pub(crate) console: Console,
    pub(crate) forms: Forms,
}

/// The parts of the gateway that requests meet.
#[derive(Debug, Clone)]
pub struct Backend {
    /// What the flags say.
    pub config: Arc<Config>,
    /// Where the groups are.
    pub shards: Shards,
    /// The metrics of the gateway itself, made for [`crate::http::handlers`].
    pub own: Arc<OwnMetrics>,
    /// The state of the persistence file; `None` if there is none.
    pub persistence: Option<Arc<persist::Status>>,
    /// What this gateway is to its replica set; `None` for one that stands alone.
    pub membership: Option<Arc<Membership>>,
    /// The samples of the last hour.
    pub history: Arc<History>,
    /// Users, rights and quotas.
    pub access: Arc<Access>,
    /// The rules for groups, as they are now; `None` without a file of them.
    pub rules: Option<watch::Receiver<Arc<GroupRules>>>,
    /// The scrapers that come regularly.
    pub scrapers: Arc<Readers>,
    /// The addresses that are listened on, with the ports that were chosen.
    pub listening: Vec<String>,
    /// Whether connections begin with a TLS handshake.
    pub is_tls: bool,
    /// Set to true to stop the gateway.
    pub stop: watch::Sender<bool>,
}

impl Http {
    /// Makes the states.
    ///
    /// # Errors
    /// When the threads that decode bodies cannot be started.
    pub fn new(backend: Backend) -> io::Result<Http> {
        let Backend { shards, persistence, membership, history, listening, is_tls, stop, .. } =
            backend;
        let (config, own) = (|| Arc::clone(&backend.config), || Arc::clone(&backend.own));
        let (access, history) = (|| Arc::clone(&backend.access), || Arc::clone(&history));
        let (web, bounds) = (&backend.config.web, &backend.config.bounds);
        let (name_rules, started) = (backend.config.name_rules, SystemTime::now());
        let keeper = match (&membership, persistence) {
            (Some(membership), _) => Keeper::Set(Arc::clone(membership)),
            (None, Some(status)) => Keeper::File(status),
            (None, None) => Keeper::Memory,
        };
        let storage = Storage { shards, keeper };
        let storage = || storage.clone();
        let in_flight = Arc::new(InFlight::new(bounds.in_flight_bytes_max));
        let in_flight = || Arc::clone(&in_flight);
        let set = membership
            .map(|membership| Arc::new(ReplicaSet::new(membership, config(), own(), in_flight())));
        let connections = Arc::new(ConnectionLimit::new(web.connections_max));
        let connections = || Arc::clone(&connections);
        let prologue = Arc::new(Prologue {
            config: config(),
            storage: storage(),
            access: access(),
            in_flight: in_flight(),
            decoders: Decoders::start()?,
            elsewhere: Elsewhere::default(),
            group_rules: backend.rules.clone(),
        });
        let prologue = || Arc::clone(&prologue);
        let scrapes = Arc::new(Scrapes {
            config: config(),
            storage: storage(),
            own: own(),
            access: access(),
            in_flight: in_flight(),
            connections: connections(),
            slots: Slots::new(web.scrapes_max),
            readers: backend.rules.is_some().then(|| Arc::clone(&backend.scrapers)),
            runs: Arc::default(),
            set: set.clone(),
        });
        let rejections = Arc::new(Rejections::new(web.rejections_kept));
        let rejections = || Arc::clone(&rejections);
        let tokens = match &backend.config.cluster {
            Some(options) => Tokens::of_set(&options.secret),
            None => Tokens::default(),
        };
        let watch = Arc::<Watch>::default();
        let scans = GroupScans::new(storage());
        let scans = || scans.clone();
        Ok(Http {
            paths: Paths {
                prefix: web.route_prefix.clone(),
                telemetry_path: web.telemetry_path.clone(),
                enable_admin_api: web.enable_admin_api,
            },
            groups: Groups {
                prologue: prologue(),
                own: own(),
                watch: Arc::clone(&watch),
                answer_unchecked: backend.config.answer_unchecked,
                name_rules,
            },
            places: Places { prologue: prologue() },
            probes: Probes { storage: storage(), own: own() },
            lifecycle: Lifecycle { config: config(), stop: web.enable_lifecycle.then_some(stop) },
            admin: Admin { storage: storage() },
            build_status: BuildStatus {
                config: config(),
                rules: backend.rules.clone(),
                started,
                membership: storage().membership().cloned(),
            },
            queries: Queries::new(storage()),
            history: HistoryApi { history: history() },
            rejections_api: RejectionsApi { rejections: rejections() },
            discovery: Discovery { config: config(), is_tls },
            check_api: CheckApi { prologue: prologue() },
            overview: Overview {
                scans: scans(),
                history: history(),
                rejections: rejections(),
                started,
            },
            status: StatusPages {
                config: config(),
                storage: storage(),
                access: access(),
                in_flight: in_flight(),
                connections: connections(),
                scrapes: Arc::clone(&scrapes),
                listening,
                started,
                history: history(),
                rules: backend.rules.clone(),
            },
            views: Views {
                scans: scans(),
                name_rules,
                rejections: rejections(),
                watch: Arc::clone(&watch),
            },
            expired_pages: ExpiredPages { storage: storage() },
            rejection_pages: RejectionPages { rejections: rejections() },
            console: Console { prologue: prologue(), scans: scans() },
            forms: Forms { scans: scans(), prologue: prologue(), name_rules },
            unread: Arc::default(),
            rejections: rejections(),
            set,
            admission: Admission { access: access() },
            push_origins: PushOrigins(web.push_origins.clone()),
            connections: connections(),
            site: Site { config: config(), access: access(), tokens, is_tls },
            own: own(),
            config: config(),
            scrapes,
        })
    }
}
