use std::path::PathBuf;

use clap::Args;

use super::diagnostics::{Diagnostics, say};
use super::exit::{Exit, Failure, Outcome};
use crate::Gateway;
use crate::StartError;
use crate::config::Config;
use crate::delivery::trigger::LoadError;
use crate::shutdown::{End, Signals, run_until_stopped};
use crate::transport::{ListenAddress, inherited};

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen, such as 127.0.0.1:8080 or unix:/run/tagcast.sock; several with commas between.
    #[arg(long, env = "TAGCAST_LISTEN", value_name = "ADDRESS", value_delimiter = ',')]
    listen: Vec<ListenAddress>,
    /// Where the log lives.
    #[arg(long, env = "TAGCAST_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A settings file; `tagcast config` prints one with every default.
    #[arg(long, env = "TAGCAST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to report on standard error: error, warn, info, debug, or per module.
    #[arg(long, env = "TAGCAST_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
}

pub(super) async fn run(arguments: ServeArguments) -> Outcome {
    owner_alone();
    let diagnostics = Diagnostics::start(&arguments.log);
    Signals::outlive().map_err(|error| Failure::new(Exit::Failure, SignalsError(error)))?;
    let gateway = start(&arguments).await;
    let gateway = gateway.map_err(|error| Failure::new(exit_of(&error), error))?;
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

fn exit_of(error: &StartError) -> Exit {
    match error {
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

async fn start(arguments: &ServeArguments) -> Result<Gateway, StartError> {
    let mut config = settings(arguments)?;
    let given = inherited()?;
    if let Some(given) = &given {
        // They are judged as those that the settings would name.
        config.listen = given.addresses().cloned().collect();
        for address in &config.listen {
            tracing::info!(%address, "systemd opened this address, in place of those of the settings");
        }
    }
    Gateway::start(&config, given).await
}

fn settings(arguments: &ServeArguments) -> Result<Config, StartError> {
    let mut config = Config::load(arguments.config.as_deref())?;
    if !arguments.listen.is_empty() {
        config.listen.clone_from(&arguments.listen);
    }
    if let Some(data_dir) = &arguments.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    Ok(config)
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
