use std::ffi::{OsStr, OsString};

use clap::Args;
use tracing_subscriber::EnvFilter;

use super::diagnostics::{self, Diagnostics, say};
use super::exit::{Exit, Failure, Outcome};
use super::output::print_line;
use crate::Gateway;
use crate::StartError;
use crate::config::{Config, Given};
use crate::delivery::trigger::LoadError;
use crate::shutdown::{End, Signals, run_until_stopped};
use crate::transport::{ListenAddress, Listeners, inherited};

/// The settings read the values: what is wrong with them is told together with what is wrong in the file.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen, such as 127.0.0.1:8080 or unix:/run/tagcast.sock; several with commas between [env:
    /// TAGCAST_LISTEN].
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<OsString>,
    /// Where the log lives [env: TAGCAST_DATA_DIR].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<OsString>,
    /// A settings file; `tagcast config` prints one with every default [env: TAGCAST_CONFIG].
    #[arg(long, value_name = "FILE")]
    config: Option<OsString>,
    /// What to report on standard error: error, warn, info, debug, or per module [env: TAGCAST_LOG] [default: info].
    #[arg(long, value_name = "FILTER")]
    log: Option<OsString>,
    /// Say what is wrong with the settings, if anything is, and do no more.
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(arguments: ServeArguments) -> Outcome {
    owner_alone();
    let mut given = given(&arguments);
    let diagnostics = Diagnostics::start(filter(&arguments, &mut given));
    let sockets = inherited().map_err(|error| failure(error.into()))?;
    if let Some(sockets) = &sockets {
        take_sockets(sockets, &mut given);
    }
    let config = Config::load(&given).map_err(|error| failure(error.into()))?;
    if arguments.check {
        print_line("the settings can be used");
        return Ok(Exit::Success);
    }
    Signals::outlive().map_err(|error| Failure::new(Exit::Failure, SignalsError(error)))?;
    let gateway = Gateway::start(&config, sockets).await.map_err(failure)?;
    diagnostics.count_on(gateway.dropped_diagnostics());
    let signals = Signals::listen().map_err(|error| Failure::new(Exit::Failure, SignalsError(error)))?;
    say(std::io::stdout(), welcome(gateway.addresses()) + "\n");
    match run_until_stopped(gateway, signals).await {
        End::Orderly => Ok(Exit::Success),
        End::StorageFailed => Ok(Exit::Storage),
        End::Hurried => Ok(Exit::Failure),
        End::Died(name) => Err(Failure::new(Exit::Internal, DiedError(name))),
    }
}

/// Something that the gateway lives for is gone.
#[derive(Debug, thiserror::Error)]
#[error("{0} ended unasked; the diagnostics before say why")]
struct DiedError(&'static str);

/// Signals can't be listened for.
#[derive(Debug, thiserror::Error)]
#[error("signals: {0}")]
struct SignalsError(std::io::Error);

fn failure(error: StartError) -> Failure {
    Failure::new(exit_of(&error), error)
}

fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Config(error) if error.is_of_options() => Exit::Wrong,
        StartError::Config(_) | StartError::Triggers(LoadError::Key(..)) => Exit::Settings,
        StartError::Log(_) | StartError::Opening(_) | StartError::Ingest(_) | StartError::Triggers(_) => {
            Exit::Storage
        }
        StartError::Listen(_) | StartError::Inherited(_) => Exit::Listen,
    }
}

/// What is in a data directory is nobody else's: events, catalog, quarantined bodies.
pub(super) fn owner_alone() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// What comes before the settings file.
fn given(arguments: &ServeArguments) -> Given {
    let mut given = Given::default();
    let listen = (!arguments.listen.is_empty()).then(|| arguments.listen.join(OsStr::new(",")));
    given.take_list("listen", ("--listen", listen.as_deref()), "TAGCAST_LISTEN");
    given.take_data_dir(("--data-dir", arguments.data_dir.as_deref()), "TAGCAST_DATA_DIR");
    given.take_file(("--config", arguments.config.as_deref()), "TAGCAST_CONFIG");
    given
}

/// What is to be reported.
fn filter(arguments: &ServeArguments, given: &mut Given) -> EnvFilter {
    let Some((place, text)) = given.text(("--log", arguments.log.as_deref()), "TAGCAST_LOG") else {
        return diagnostics::read("info").0;
    };
    let (filter, wrong) = diagnostics::read(&text);
    for why in wrong {
        given.note(place.clone(), why);
    }
    filter
}

/// Sockets that are there already are judged as those that the settings would name.
fn take_sockets(sockets: &Listeners, given: &mut Given) {
    for address in sockets.addresses() {
        tracing::info!(%address, "systemd opened this address, in place of those of the settings");
    }
    given.put("listen", "LISTEN_FDS", sockets.addresses().map(ToString::to_string).collect());
}

/// Where everything is, for someone who sees this for the first time.
fn welcome(addresses: &[ListenAddress]) -> String {
    let urls: Vec<_> = addresses.iter().map(url).collect();
    let first = addresses.iter().position(|address| address.tcp().is_some()).map(|at| &*urls[at]);
    let listening = urls.join("\n                    and ");
    let Some(url) = first else {
        return format!("Tagcast is listening on {listening}\n{}", of_unix(&urls[0]));
    };
    format!(
        "\
Tagcast is listening on {listening}

  the page      {url}/
  a registry    CNCF Distribution, in its config.yml:

    notifications:
      endpoints:
        - name: tagcast
          url: {url}/v1/sources/distribution/events
          timeout: 1s
          threshold: 5
          backoff: 1s

  watch         tagcast watch --url {url} 'tag.startsWith(\"v\")'
  any client    {}/v1/ws?filter=true
",
        url.replacen("http", "ws", 1)
    )
}

/// The same where no registry reaches it by itself.
fn of_unix(socket: &str) -> String {
    let path = socket.trim_start_matches("unix:");
    format!(
        "
  watch         tagcast watch --url {socket} 'tag.startsWith(\"v\")'
  any client    curl --unix-socket {path} http://localhost/v1/events
  a registry, or the page: by a proxy in front of the socket
"
    )
}

fn url(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("http://{address}"),
        ListenAddress::Unix(_) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(addresses: &[&str]) -> String {
        welcome(&addresses.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn the_welcome_names_the_real_addresses() {
        let text = said(&["127.0.0.1:9"]);
        assert!(text.starts_with("Tagcast is listening on http://127.0.0.1:9\n"));
        assert!(text.contains("url: http://127.0.0.1:9/v1/sources/distribution/events"));
        assert!(text.contains("ws://127.0.0.1:9/v1/ws?filter=true"));
        let text = said(&["unix:/run/t.sock", "[::1]:9"]);
        assert!(text.starts_with(
            "Tagcast is listening on unix:/run/t.sock\n                    and http://[::1]:9\n"
        ));
        assert!(text.contains("--url http://[::1]:9 "));
        let text = said(&["unix:/run/t.sock"]);
        assert!(text.contains("curl --unix-socket /run/t.sock http://localhost/") && !text.contains("ws://"));
    }
}
