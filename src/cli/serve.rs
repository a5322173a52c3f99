use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::diagnostics::{Diagnostics, say};
use super::exit::{Exit, Failure, Outcome};
use crate::Gateway;
use crate::StartError;
use crate::config::Config;
use crate::delivery::trigger::LoadError;
use crate::shutdown::{End, Signals, run_until_stopped};

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen, such as 127.0.0.1:8080.
    #[arg(long, env = "TAGCAST_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
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
    let started = match settings(&arguments) {
        Ok(config) => Gateway::start(&config).await,
        Err(error) => Err(error),
    };
    let gateway = started.map_err(|error| Failure::new(exit_of(&error), error))?;
    diagnostics.count_on(gateway.dropped_diagnostics());
    let signals = Signals::listen().map_err(|error| Failure::new(Exit::Failure, SignalsError(error)))?;
    say(std::io::stdout(), welcome(gateway.address()) + "\n");
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
        StartError::Listen(..) => Exit::Listen,
    }
}

/// What is in a data directory is nobody else's: events, catalog, quarantined bodies.
pub(super) fn owner_alone() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

fn settings(arguments: &ServeArguments) -> Result<Config, StartError> {
    let mut config = Config::load(arguments.config.as_deref())?;
    if let Some(listen) = arguments.listen {
        config.listen = listen;
    }
    if let Some(data_dir) = &arguments.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    Ok(config)
}

/// Where everything is, for someone who sees this for the first time.
fn welcome(address: SocketAddr) -> String {
    format!(
        "\
Tagcast is listening on http://{address}

  the page      http://{address}/
  a registry    CNCF Distribution, in its config.yml:

    notifications:
      endpoints:
        - name: tagcast
          url: http://{address}/v1/sources/distribution/events
          timeout: 1s
          threshold: 5
          backoff: 1s

  watch         tagcast watch --url http://{address} 'tag.startsWith(\"v\")'
  any client    ws://{address}/v1/ws?filter=true
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_welcome_names_the_real_address() {
        let text = welcome("127.0.0.1:9".parse().unwrap());
        assert!(text.contains("url: http://127.0.0.1:9/v1/sources/distribution/events"));
        assert!(text.contains("ws://127.0.0.1:9/v1/ws?filter=true"));
    }
}
