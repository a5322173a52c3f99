mod descriptors;
mod memory;
mod sockets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinError;

use crate::auth::{Principal, Tokens};
use crate::bus::Bus;
use crate::config::{Config, ConfigError, ReaderConfig, Store};
use crate::delivery::connection::{ConnectionLimits, Connections, FrameWire};
use crate::delivery::renew_feeds;
use crate::delivery::trigger::{self, LoadError, Triggers};
use crate::event::Timestamp;
use crate::http::{self, App, DoorLimits, Doors, Node, Stage};
use crate::ingest::{self, Ingest, WriterOptions};
use crate::limits::{Allowances, Load};
use crate::log::{DiskLog, DiskOptions, Home, LogHandle, MemoryLog, OpenError, Table, scrub};
use crate::metrics::{Counter, Metrics};
use crate::outgoing::Outgoing;
use crate::protocol::Close;
use crate::transport::{InheritedError, ListenAddress, ListenError, Listeners};
use crate::vital::Vital;

use self::descriptors::{Descriptors, Wanted};
use self::sockets::Sockets;

/// How long clients have to take what waits for them when the gateway stops.
const CLOSE_TIME: Duration = Duration::from_secs(8);
/// How long requests in progress may take then.
const STOP_TIME: Duration = Duration::from_secs(10);

/// The whole gateway, running.
pub(crate) struct Gateway {
    app: Arc<App>,
    addresses: Vec<ListenAddress>,
    /// Ends what listens for clients; each holds a receiver until it does so no more.
    halt: watch::Sender<bool>,
    /// Tells connections how far it is.
    stage: watch::Sender<Stage>,
    server: Vital,
    /// The listener for metrics, where there is one.
    metrics: Option<Vital>,
    /// What it lives for beside what its parts do.
    pub(crate) tasks: Vec<Vital>,
}

/// Why the gateway could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The settings can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log can't be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// Opening the log came to no end.
    #[error("the log can't be opened: {0}")]
    Opening(#[from] JoinError),
    /// What ingest keeps in the log can't be read.
    #[error(transparent)]
    Ingest(#[from] ingest::LoadError),
    /// What triggers keep there can't be.
    #[error(transparent)]
    Triggers(#[from] LoadError),
    /// An address can't be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What systemd hands over can't be listened on.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
}

impl Gateway {
    /// Opens the log, binds the addresses and starts to serve. `given`: sockets that are there already, in their place.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing runs then.
    pub(crate) async fn start(config: &Config, given: Option<Listeners>) -> Result<Self, StartError> {
        let descriptors = descriptors(config);
        let log = open_log(config, descriptors.tables).await?;
        let sockets = Sockets::open(config, given)?;
        let addresses: Vec<_> = sockets.clients.addresses().cloned().collect();
        let own = sockets.own();
        let metrics = Arc::new(Metrics::default());
        let outgoing = Arc::new(Outgoing::new(config.targets.policy(&own)));
        let sources = config.sources();
        let sources = sources.iter().map(|source| source.source_with(&outgoing)).collect();
        let load: Arc<Load> = Arc::default();
        let guesses = Arc::new(config.http.guesses());
        let options = WriterOptions {
            load: Arc::clone(&load),
            guesses: Arc::clone(&guesses),
            ..config.ingest.writer(&config.event_type_prefix, &config.quarantine)
        };
        let ingest = Ingest::start(sources, Arc::clone(&log), options, Arc::clone(&metrics), outgoing);
        let wire = Arc::new(FrameWire::new(Arc::clone(&metrics)));
        let allowances = Arc::new(Allowances::new(config.filters.work()));
        let bus = Bus::start(LogHandle::new(log), wire, load, allowances, Arc::clone(&metrics));
        let filters = Arc::new(config.filter_options());
        let given = (config.readers.as_slice(), config.feeds.clone(), config.keys.clone());
        let mut options = config.targets.options(&own, &filters, given);
        options.in_flight.0 = descriptors.in_flight;
        let triggers =
            Triggers::start(options, config.triggers.clone(), bus.clone(), Arc::clone(&metrics)).await;
        let app = Arc::new(App {
            ingest: ingest?,
            connections: connections(config, &descriptors, bus.clone(), &metrics),
            bus,
            triggers: triggers?,
            tokens: tokens(config),
            guesses,
            filters,
            recent_filters: Arc::default(),
            sites: config.http.sites(sockets.clients.tcp()),
            doors: doors(config, &descriptors, &metrics),
            memory: config.http.limits().memory(&metrics),
            metrics,
            limits: config.http.limits(),
            base_path: config.http.base_path.clone(),
            node: node(config),
            ready: AtomicBool::new(true),
        });
        let renewal = renew_feeds(Arc::downgrade(&app.triggers), Arc::downgrade(&app.connections));
        let mut tasks = vec![Vital::spawn("the renewal of feeds", renewal)];
        if config.log.store == Store::Disk {
            let scrub = scrub(app.bus.reader().clone(), config.log.scrub.0, config.log.scrub_rate.0);
            tasks.push(Vital::spawn("the scrub", scrub));
        }
        let (halt, halted) = watch::channel(false);
        let stage = watch::Sender::new(Stage::Serving);
        let metrics = sockets
            .metrics
            .map(|listeners| metrics_server(config, listeners, &app.metrics, stage.subscribe()));
        let serving = http::serve(sockets.clients, Arc::clone(&app), halted, stage.subscribe());
        let server = Vital::spawn("the HTTP server", serving);
        Ok(Self { app, addresses, halt, stage, server, metrics, tasks })
    }

    /// Where it listens; ports are real ones, also if 0 was asked for.
    pub(crate) fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Counts lines of diagnostics that nobody read.
    pub(crate) fn dropped_diagnostics(&self) -> &Counter {
        &self.app.metrics.diagnostics_dropped
    }

    /// Everything that runs for as long as the gateway does. The end of any of it, before the gateway is told to stop,
    /// is the gateway's.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
        let App { ingest, bus, triggers, connections, .. } = &*self.app;
        let parts = [ingest.vitals(), bus.vitals(), triggers.vitals(), connections.vitals()];
        parts
            .into_iter()
            .flatten()
            .chain(self.tasks.iter().chain(&self.metrics).cloned())
            .chain([self.server.clone()])
            .collect()
    }

    /// Turns true when storage failed: nothing more is written, and the process should end and recover.
    pub(crate) fn failed(&self) -> watch::Receiver<bool> {
        self.app.ingest.failed()
    }

    /// Stops in order: nobody listens, so that whoever comes back comes to who is next; no new requests; what was taken is
    /// written and answered; readers get their last batch, their position and 1012; then the sockets close.
    pub(crate) async fn drain(self) {
        self.app.ready.store(false, Ordering::Release);
        self.halt.send_replace(true);
        self.halt.closed().await;
        self.stage.send_replace(Stage::Closing);
        self.app.ingest.stop().await;
        self.app.bus.stop().await;
        self.app.triggers.stop().await;
        self.app.connections.close_all(Close::ShuttingDown, CLOSE_TIME).await;
        self.stage.send_replace(Stage::Over);
        let _ = tokio::time::timeout(STOP_TIME, self.server.ended()).await;
        if let Some(metrics) = self.metrics {
            metrics.ended().await;
        }
    }
}

/// The tables of all who keep something beside the events.
pub(crate) fn tables() -> Vec<Table> {
    [&ingest::TABLES[..], &trigger::TABLES].concat()
}

/// Shares out what there is, and says so.
fn descriptors(config: &Config) -> Descriptors {
    let wanted = Wanted {
        unproven: config.connections.unproven,
        connections: config.connections.total,
        in_flight: config.targets.in_flight,
    };
    let descriptors = Descriptors::raise(wanted);
    descriptors.tell(wanted);
    memory::tell(config);
    descriptors
}

fn connections(
    config: &Config,
    descriptors: &Descriptors,
    bus: Bus,
    metrics: &Arc<Metrics>,
) -> Arc<Connections> {
    let limits = ConnectionLimits { total: descriptors.connections, ..config.connections.limits() };
    Connections::start(limits, bus, Arc::clone(metrics))
}

fn doors(config: &Config, descriptors: &Descriptors, metrics: &Arc<Metrics>) -> Arc<Doors> {
    let limits = DoorLimits {
        accepts: descriptors.accepts,
        unproven: descriptors.unproven,
        unproven_per_address: config.connections.unproven_per_address,
        open_to_all: config.asks_for_nothing(),
    };
    Doors::new(limits, config.http.trusted_proxies(), Arc::clone(metrics))
}

async fn open_log(config: &Config, tables_open: usize) -> Result<Arc<dyn Home>, StartError> {
    let epoch = rand::random();
    if config.log.store == Store::Memory {
        return Ok(Arc::new(MemoryLog::new(epoch, config.log.memory.bytes(), &tables())));
    }
    let options = DiskOptions { tables_open, ..config.log.disk(&config.data_dir, epoch, &config.space) };
    let opened = tokio::task::spawn_blocking(move || DiskLog::open(options, &tables())).await;
    Ok(Arc::new(opened??))
}

fn metrics_server(
    config: &Config,
    listeners: Listeners,
    metrics: &Arc<Metrics>,
    stage: watch::Receiver<Stage>,
) -> Vital {
    let sites = config.http.sites(listeners.tcp());
    let served = http::serve_metrics(listeners, Arc::clone(metrics), sites, stage);
    Vital::spawn("the listener for metrics", served)
}

/// What `/v1/server` says that never changes.
fn node(config: &Config) -> Node {
    Node {
        name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        started_at: Timestamp::now(),
        store: config.log.store.as_str(),
        max_age: config.log.max_age.0,
        max_bytes: config.log.max_size.0,
    }
}

fn tokens(config: &Config) -> Tokens {
    let mut tokens = Tokens::default();
    for reader in &config.readers {
        let (name, cloud) = (reader.name.clone(), reader.cloud.clone());
        let reads = |other: &&ReaderConfig| other.cloud.is_none() || cloud.is_none() || other.cloud == cloud;
        let shares = config.readers.iter().filter(reads).count() > 1;
        let principal = Principal { name, cloud, admin: reader.admin, shares };
        tokens.add(reader.token.expose(), principal);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_process_lives_for_all_that_runs_as_long_as_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let settings = "listen = '127.0.0.1:0'\n[http]\nmetrics_listen = '127.0.0.1:0'";
        let config = Config { data_dir: directory.path().into(), ..Config::parse(settings).unwrap() };
        let gateway = Gateway::start(&config, None).await.unwrap();
        let names: Vec<_> = gateway.vitals().iter().map(|vital| vital.name).collect();
        assert_eq!(
            names,
            [
                "the writer",
                "upkeep",
                "the bus",
                "the writer of triggers",
                "the sweep of dead letters",
                "the sweep of connections",
                "the renewal of feeds",
                "the scrub",
                "the listener for metrics",
                "the HTTP server",
            ]
        );
        gateway.drain().await;
    }

    /// They are on disk and in backups.
    #[test]
    fn names_of_tables_never_change() {
        let names: Vec<_> = tables().into_iter().map(Table::name).collect();
        let (of_ingest, of_triggers) = names.split_at(5);
        assert_eq!(of_ingest, ["catalog", "repeats", "quarantine", "bodies", "sources"]);
        assert_eq!(of_triggers, ["triggers", "deliveries", "dead-letters", "attempts"]);
    }
}
