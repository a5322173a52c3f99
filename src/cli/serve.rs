use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::Gateway;
use crate::StartError;
use crate::config::Config;
use crate::shutdown::{End, Signals, run_until_stopped};

/// Exit codes of `sysexits.h`: a supervisor tells a wrong setting from a broken disk by them.
const EXIT_CONFIG: u8 = 78;
const EXIT_STORAGE: u8 = 74;
const EXIT_LISTEN: u8 = 71;

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

pub(super) async fn run(arguments: ServeArguments) -> ExitCode {
    owner_alone();
    diagnostics(&arguments.log);
    let started = match settings(&arguments) {
        Ok(config) => Gateway::start(&config).await,
        Err(error) => Err(error),
    };
    let gateway = match started {
        Ok(gateway) => gateway,
        Err(error) => {
            eprintln!("tagcast: {error}");
            return ExitCode::from(match error {
                StartError::Config(_) => EXIT_CONFIG,
                StartError::Log(_) | StartError::State(_) | StartError::Ingest(_) => EXIT_STORAGE,
                StartError::Listen(..) => EXIT_LISTEN,
            });
        }
    };
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("tagcast: signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whether anyone reads it is no concern of the gateway's.
    let _ = writeln!(std::io::stdout(), "{}", welcome(gateway.address()));
    match run_until_stopped(gateway, signals).await {
        End::Orderly => ExitCode::SUCCESS,
        End::StorageFailed => ExitCode::from(EXIT_STORAGE),
        End::Hurried => ExitCode::FAILURE,
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

/// Plain lines for a person, JSON for whatever collects them.
fn diagnostics(filter: &str) {
    // The storage engine tells of its own affairs at `info`.
    let filter = EnvFilter::new(format!("{filter},fjall=warn,lsm_tree=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if std::io::stderr().is_terminal() { lines.try_init() } else { lines.json().try_init() };
    if let Err(error) = set {
        eprintln!("tagcast: diagnostics: {error}");
    }
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
