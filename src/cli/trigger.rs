//! `tagcast trigger`: a running gateway's triggers.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::outgoing::{Ask, Outgoing};

/// Longest wait for an answer; sending a dead letter again takes as long as its target.
const PATIENCE: Duration = Duration::from_secs(40);
const LONGEST: usize = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct TriggerArguments {
    /// The gateway.
    #[arg(
        long,
        env = "TAGCAST_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    url: String,
    /// A token with admin = true, where the gateway asks for one.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all triggers, one a line: name, status, batches delivered, given up, events behind, target.
    List,
    /// Show one trigger.
    Show {
        /// Its name.
        name: String,
    },
    /// Make a trigger, or change one.
    Put {
        /// Its name.
        name: String,
        /// A file with its definition, JSON; `-` for standard input.
        file: PathBuf,
    },
    /// Remove a trigger.
    Delete {
        /// Its name.
        name: String,
    },
    /// Stop a trigger; it keeps its place.
    Pause {
        /// Its name.
        name: String,
    },
    /// Let a trigger go on where it was.
    Resume {
        /// Its name.
        name: String,
    },
    /// Show what a trigger made of the newest events.
    Log {
        /// Its name.
        name: String,
        /// Only `triggered` or `untriggered`.
        #[arg(long)]
        outcome: Option<String>,
        /// Only rows in which this occurs.
        #[arg(long)]
        search: Option<String>,
        /// Rows.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// List what a trigger gave up; with an id send it again, or purge it.
    DeadLetters {
        /// The trigger's name.
        name: String,
        /// Send this one again.
        #[arg(long, value_name = "ID", conflicts_with = "purge")]
        send: Option<String>,
        /// Purge this one; `all` for every one.
        #[arg(long, value_name = "ID")]
        purge: Option<String>,
    },
}

pub(super) async fn run(arguments: TriggerArguments) -> ExitCode {
    match ask(&arguments).await {
        Ok(answer) => {
            let text = match arguments.command {
                Command::List => list(&answer),
                _ if answer.is_null() => String::new(),
                _ => format!("{answer:#}\n"),
            };
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("tagcast: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Method, path and body of what a command asks for.
fn request(command: &Command) -> Result<(Method, String, Bytes), String> {
    let one = |name: &str| format!("/v1/triggers/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let plain = |method, path| Ok((method, path, Bytes::new()));
    match command {
        Command::List => plain(Method::GET, "/v1/triggers?limit=1000".into()),
        Command::Show { name } => plain(Method::GET, one(name)),
        Command::Put { name, file } => Ok((Method::PUT, one(name), read(file)?.into())),
        Command::Delete { name } => plain(Method::DELETE, one(name)),
        Command::Pause { name } => plain(Method::POST, one(name) + "/pause"),
        Command::Resume { name } => plain(Method::POST, one(name) + "/resume"),
        Command::Log { name, outcome, search, limit } => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &limit.to_string());
            query.extend_pairs(outcome.iter().map(|outcome| ("outcome", outcome)));
            query.extend_pairs(search.iter().map(|search| ("search", search)));
            plain(Method::GET, format!("{}/log?{}", one(name), query.finish()))
        }
        Command::DeadLetters { name, send: Some(id), .. } => {
            plain(Method::POST, format!("{}/dead-letters/{id}/send", one(name)))
        }
        Command::DeadLetters { name, purge: Some(id), .. } if id == "all" => {
            plain(Method::DELETE, one(name) + "/dead-letters")
        }
        Command::DeadLetters { name, purge: Some(id), .. } => {
            plain(Method::DELETE, format!("{}/dead-letters/{id}", one(name)))
        }
        Command::DeadLetters { name, .. } => plain(Method::GET, one(name) + "/dead-letters?limit=1000"),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(file).map(|read| bytes = read)
    };
    read.map(|()| bytes).map_err(|error| format!("{}: {error}", file.display()))
}

async fn ask(arguments: &TriggerArguments) -> Result<Value, String> {
    let (method, path, body) = request(&arguments.command)?;
    let mut headers = HeaderMap::new();
    if let Some(token) = &arguments.token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        headers.insert(AUTHORIZATION, value.map_err(|_| "no such token".to_owned())?);
    }
    let url = format!("{}{path}", arguments.url.trim_end_matches('/'));
    let ask = Ask { method, url, headers, plain: true, max: LONGEST, deadline: PATIENCE };
    let answer = Outgoing::default().send(ask, body).await;
    let answer = answer.map_err(|error| format!("{}: {error}", arguments.url))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        return Ok(body);
    }
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or("no Tagcast gateway");
    match error["details"]["field"].as_str() {
        Some(field) if !field.is_empty() => Err(format!("{field}: {message}")),
        _ => Err(format!("{message} ({})", answer.status)),
    }
}

/// One line for each trigger.
fn list(answer: &Value) -> String {
    let triggers = answer["triggers"].as_array().into_iter().flatten();
    let lines = triggers.map(|trigger| {
        let state = &trigger["state"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let target = match &trigger["target"]["http"]["url"] {
            Value::String(url) => url.clone(),
            _ => format!("feed {}", text(&trigger["target"]["feed"])),
        };
        let name = text(&trigger["name"]);
        let status = text(&state["status"]);
        let (delivered, given_up, behind) = (&state["delivered"], &state["given_up"], &state["behind"]);
        format!("{name:<24} {status:<9} {delivered:>8} {given_up:>6} {behind:>8}  {target}\n")
    });
    lines.collect()
}
