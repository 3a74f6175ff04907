//! The flags of the HTTP server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value::{self, ExternalUrl, RoutePrefix};
use crate::config::{Address, QueryUrl, WebSettings};
use crate::duration;

#[derive(Debug, Args)]
pub(super) struct WebFlags {
    /// Address to listen on: HOST:PORT, :PORT for all of IPv4 and IPv6, vsock://:PORT, or
    /// unix:///PATH. Repeatable, and several may stand in one value, with commas.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":9091",
        value_delimiter = ','
    )]
    listen: Vec<Address>,

    /// Listen on the sockets that systemd hands over, instead of on addresses.
    #[arg(long = "web.systemd-socket", overrides_with = "no_systemd_socket")]
    systemd_socket: bool,
    #[arg(long = "no-web.systemd-socket", hide = true)]
    no_systemd_socket: bool,

    /// File that configures TLS and basic authentication, in the exporter-toolkit's format.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    config_file: String,

    /// Path under which to expose metrics. Pushes go to /metrics whatever this says.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    telemetry_path: String,

    /// The URL under which the gateway is reached from outside, such as behind a proxy.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        default_value = "",
        hide_default_value = true,
        value_parser = value::external_url
    )]
    external_url: ExternalUrl,

    /// What the paths of all requests begin with. [default: the path of --web.external-url]
    #[arg(
        long = "web.route-prefix",
        value_name = "PATH",
        default_value = "",
        hide_default_value = true,
        value_parser = value::route_prefix
    )]
    route_prefix: RoutePrefix,

    /// A gateway that /api/v1/sd tells Prometheus to scrape, as HOST:PORT. Repeatable: name all of them,
    /// this one too. [default: this one]
    #[arg(long = "web.sd-target", value_name = "HOST:PORT", value_delimiter = ',', value_parser = value::sd_target)]
    sd_targets: Vec<String>,

    /// Enable shutdown via HTTP request, PUT or POST to /-/quit.
    #[arg(long = "web.enable-lifecycle", overrides_with = "no_lifecycle")]
    lifecycle: bool,
    #[arg(long = "no-web.enable-lifecycle", hide = true)]
    no_lifecycle: bool,

    /// Enable the API endpoints that administer, such as PUT /api/v1/admin/wipe.
    #[arg(long = "web.enable-admin-api", overrides_with = "no_admin_api")]
    admin_api: bool,
    #[arg(long = "no-web.enable-admin-api", hide = true)]
    no_admin_api: bool,

    /// Answer in OpenMetrics where it is asked for. Counters are named with _total there, whatever
    /// they were pushed as.
    #[arg(long = "web.enable-openmetrics", overrides_with = "no_open_metrics")]
    open_metrics: bool,
    #[arg(long = "no-web.enable-openmetrics", hide = true)]
    no_open_metrics: bool,

    /// Most scrapes served at a time.
    #[arg(long = "web.max-scrapes", value_name = "N", default_value = "16", value_parser = value::scrapes)]
    scrapes_max: usize,

    /// Most connections served at a time.
    #[arg(long = "web.max-connections", value_name = "N", default_value = "32768", value_parser = value::connections)]
    connections_max: usize,

    /// How long the head of a request may take to arrive, as a Go duration.
    #[arg(long = "web.header-timeout", value_name = "DURATION", default_value = "10s", value_parser = value::wait)]
    header_wait: Duration,

    /// How long the body of a request may take to arrive.
    #[arg(long = "web.body-timeout", value_name = "DURATION", default_value = "60s", value_parser = value::wait)]
    body_wait: Duration,

    /// How long a connection may be idle.
    #[arg(long = "web.idle-timeout", value_name = "DURATION", default_value = "5m", value_parser = value::wait)]
    idle_wait: Duration,

    /// Most rejected requests kept for the page of rejections; 0 keeps none.
    #[arg(long = "web.rejections-kept", value_name = "N", default_value = "1000", value_parser = value::rejections)]
    rejections_kept: usize,

    /// Where pages link to for a query in Prometheus or Grafana, with {query} where the query goes, or
    /// {query:json} within a JSON string.
    #[arg(long = "web.query-url", value_name = "URL")]
    query_url: Option<QueryUrl>,

    /// File that says which users, tokens and client certificates may do what, and how much.
    #[arg(
        long = "auth.policy-file",
        value_name = "FILE",
        default_value = "",
        hide_default_value = true
    )]
    policy_file: String,

    /// Origin whose pages may push from a browser, such as https://example.org; * for any. Repeatable. [default: none]
    #[arg(long = "push.cors-origin", value_name = "ORIGIN", value_delimiter = ',', value_parser = value::origin)]
    push_origins: Vec<String>,
}

impl WebFlags {
    /// The flags with their values, and what they come to.
    pub(super) fn into_settings(self) -> (Vec<(&'static str, String)>, WebSettings) {
        let listen = self.listen.iter().map(Address::to_string).collect::<Vec<_>>().join(",");
        let telemetry_path = format!("/{}", self.telemetry_path.trim_start_matches('/'));
        let ExternalUrl { text: external_url, prefix: mut external_prefix } = self.external_url;
        let route_prefix = self.route_prefix.0.unwrap_or_else(|| external_prefix.clone());
        if external_url.is_empty() {
            // As far as we know, paths are not changed on their way.
            external_prefix.clone_from(&route_prefix);
        }
        let duration = duration::shown;
        let flags = vec![
            ("auth.policy-file", self.policy_file.clone()),
            ("push.cors-origin", self.push_origins.join(",")),
            ("web.body-timeout", duration(self.body_wait)),
            ("web.config.file", self.config_file.clone()),
            ("web.enable-admin-api", self.admin_api.to_string()),
            ("web.enable-lifecycle", self.lifecycle.to_string()),
            ("web.enable-openmetrics", self.open_metrics.to_string()),
            ("web.external-url", external_url.clone()),
            ("web.header-timeout", duration(self.header_wait)),
            ("web.idle-timeout", duration(self.idle_wait)),
            ("web.listen-address", listen),
            ("web.max-connections", self.connections_max.to_string()),
            ("web.max-scrapes", self.scrapes_max.to_string()),
            ("web.query-url", self.query_url.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("web.rejections-kept", self.rejections_kept.to_string()),
            ("web.route-prefix", route_prefix.clone()),
            ("web.sd-target", self.sd_targets.join(",")),
            ("web.systemd-socket", self.systemd_socket.to_string()),
            ("web.telemetry-path", telemetry_path.clone()),
        ];
        let file = |path: String| Some(PathBuf::from(path)).filter(|path| path != "");
        let settings = WebSettings {
            listen: self.listen,
            systemd_socket: self.systemd_socket,
            config_file: file(self.config_file),
            policy_file: file(self.policy_file),
            telemetry_path,
            external_url,
            external_prefix,
            route_prefix,
            sd_targets: self.sd_targets,
            enable_lifecycle: self.lifecycle,
            enable_admin_api: self.admin_api,
            enable_open_metrics: self.open_metrics,
            push_origins: self.push_origins,
            scrapes_max: self.scrapes_max,
            connections_max: self.connections_max,
            header_wait: self.header_wait,
            body_wait: self.body_wait,
            idle_wait: self.idle_wait,
            rejections_kept: self.rejections_kept,
            query_url: self.query_url,
        };
        (flags, settings)
    }
}
