//! `tagcast trigger`: a running gateway's triggers.

use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::answer::Refusal;
use super::exit::{Exit, Failure, Outcome};
use super::input::{self, InputError};
use super::output::print;
use super::remote::{Remote, RemoteError};
use super::visible;
use crate::outgoing::{Ask, OutgoingError};

/// Longest wait for an answer; sending a dead letter again takes as long as its target.
const PATIENCE: Duration = Duration::from_secs(40);
const LONGEST: usize = 16 << 20;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done; 1 no gateway answers, or it says no; 2 the request is wrong; 3 not allowed."
)]
pub(super) struct TriggerArguments {
    #[command(flatten)]
    remote: Remote,
    /// The cloud whose triggers are meant, where the token is bound to none and several have one of that name.
    #[arg(long, global = true)]
    cloud: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all triggers, one a line behind the heads: name, status, batches delivered and given up, events behind, target,
    /// cloud.
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
    /// Stop a trigger; it keeps its position.
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

/// The gateway did not do it.
#[derive(Debug, thiserror::Error)]
enum TriggerError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{0}: {1}")]
    Outgoing(String, OutgoingError),
    /// A field of the definition, by its JSON pointer, and what is wrong with it.
    #[error("{0}: {1}")]
    Field(String, String),
    #[error("{0}")]
    Refused(Refusal),
}

impl TriggerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Remote(_) | Self::Input(_) | Self::Field(..) => Exit::Wrong,
            Self::Outgoing(..) => Exit::Failure,
            Self::Refused(refusal) => refusal.exit_of_one(),
        }
    }
}

pub(super) async fn run(arguments: TriggerArguments) -> Outcome {
    let answer = ask(&arguments).await.map_err(|error| Failure::new(error.exit(), error))?;
    let text = match arguments.command {
        Command::List => list(&answer),
        _ if answer.is_null() => String::new(),
        _ => visible::json(&format!("{answer:#}\n")).into_owned(),
    };
    print(&text);
    Ok(Exit::Success)
}

/// Method, path and body of what is asked for.
fn request(arguments: &TriggerArguments) -> Result<(Method, String, Bytes), InputError> {
    let one = |name: &str| format!("/v1/triggers/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(arguments.cloud.iter().map(|cloud| ("cloud_id", cloud)));
    let mut body = Bytes::new();
    let (method, path) = match &arguments.command {
        Command::List => {
            query.append_pair("limit", "1000");
            (Method::GET, "/v1/triggers".to_owned())
        }
        Command::Show { name } => (Method::GET, one(name)),
        Command::Put { name, file } => {
            body = input::read(file)?.into();
            (Method::PUT, one(name))
        }
        Command::Delete { name } => (Method::DELETE, one(name)),
        Command::Pause { name } => (Method::POST, one(name) + "/pause"),
        Command::Resume { name } => (Method::POST, one(name) + "/resume"),
        Command::Log { name, outcome, search, limit } => {
            query.append_pair("limit", &limit.to_string());
            query.extend_pairs(outcome.iter().map(|outcome| ("outcome", outcome)));
            query.extend_pairs(search.iter().map(|search| ("search", search)));
            (Method::GET, one(name) + "/log")
        }
        Command::DeadLetters { name, send: Some(id), .. } => {
            (Method::POST, format!("{}/dead-letters/{id}/send", one(name)))
        }
        Command::DeadLetters { name, purge: Some(id), .. } if id == "all" => {
            (Method::DELETE, one(name) + "/dead-letters")
        }
        Command::DeadLetters { name, purge: Some(id), .. } => {
            (Method::DELETE, format!("{}/dead-letters/{id}", one(name)))
        }
        Command::DeadLetters { name, .. } => {
            query.append_pair("limit", "1000");
            (Method::GET, one(name) + "/dead-letters")
        }
    };
    Ok((method, format!("{path}?{}", query.finish()), body))
}

async fn ask(arguments: &TriggerArguments) -> Result<Value, TriggerError> {
    let (method, path, body) = request(arguments)?;
    let remote = &arguments.remote;
    let place = remote.place()?;
    let (url, headers) = (place.address(&path), remote.headers()?);
    let ask = Ask { method, url, headers, plain: true, max: LONGEST, deadline: PATIENCE };
    let answer = place.client().send(ask, body).await;
    let answer = answer.map_err(|error| TriggerError::Outgoing(remote.name(), error))?;
    if answer.status.is_success()
        && let Some(body) = read(&answer.body)
    {
        return Ok(body);
    }
    let refusal = Refusal::read(answer.status, &answer.headers, &answer.body);
    let message = refusal.message().unwrap_or_default().to_owned();
    Err(match refusal.details()["field"].as_str() {
        Some(field) if !field.is_empty() => TriggerError::Field(field.to_owned(), message),
        _ => TriggerError::Refused(refusal),
    })
}

/// The answer's JSON, or nothing where there is no body. `None`: a page of something else.
fn read(body: &[u8]) -> Option<Value> {
    if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() }
}

/// A line of heads, and one for each trigger.
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
        let numbers = ["delivered", "given_up", "behind"].map(|name| state[name].to_string());
        let cloud = text(&trigger["cloud_id"]);
        row([&name, &status, &numbers[0], &numbers[1], &numbers[2], &target, &cloud])
    });
    let heads = row(["NAME", "STATUS", "DELIVERED", "GIVEN UP", "BEHIND", "TARGET", "CLOUD"]);
    iter::once(heads).chain(lines).collect()
}

fn row([name, status, delivered, given_up, behind, target, cloud]: [&str; 7]) -> String {
    format!("{name:<24} {status:<9} {delivered:>9} {given_up:>8} {behind:>8}  {target}  {cloud}\n")
}
