use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::exit::{Exit, Failure, Outcome};
use super::input::{self, InputError};
use super::output::print;
use super::visible;
use crate::config::{SOURCES, SourceConfig, hint};
use crate::event::{Event, Timestamp};
use crate::ingest::{Trial, TrialReport};
use crate::source::{self, Kind, Request, UnknownKind};

#[derive(Debug, Args)]
pub(super) struct SourceArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a registry's request would become, on an empty catalog and without a server.
    ///
    /// Exit codes: 0 read, 64 no such kind, 65 not readable, 66 no such file.
    Test(TestArguments),
    /// List the kinds of registry that are understood.
    Kinds,
    /// Print the settings of a source, as an example.
    Example {
        /// Of which kind; none: of each.
        kind: Option<String>,
    },
}

#[derive(Debug, Args)]
struct TestArguments {
    /// The kind of registry: see `tagcast source kinds`.
    kind: String,
    /// The request's body; `-` for standard input.
    file: PathBuf,
    /// A file with the request's headers, one `Name: value` a line. A request line may come first.
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
    /// Tell pulls and scans too, as the source's settings may ask for.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A request can't be tried.
#[derive(Debug, thiserror::Error)]
enum TrialError {
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("line {0} of the headers is no 'Name: value'")]
    Header(usize),
    #[error(transparent)]
    Refused(#[from] source::Refusal),
}

/// A name that is no kind, and which one may have been meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}{1}")]
struct KindError(UnknownKind, String);

fn read_kind(text: &str) -> Result<Kind, KindError> {
    text.parse().map_err(|error| KindError(error, hint(text, Kind::ALL.map(Kind::as_str))))
}

impl TrialError {
    fn exit(&self) -> Exit {
        match self {
            Self::Kind(_) => Exit::Usage,
            Self::Input(_) => Exit::NoInput,
            Self::Header(_) | Self::Refused(_) => Exit::Unreadable,
        }
    }
}

pub(super) fn run(arguments: SourceArguments) -> Outcome {
    let text = match arguments.command {
        Command::Test(arguments) => {
            let tried = test(&arguments).map_err(|error| Failure::new(error.exit(), error))?;
            let text = if arguments.json {
                visible::json(&format!("{:#}\n", as_json(&tried))).into_owned()
            } else {
                as_text(&tried)
            };
            print(&text);
            return Ok(if tried.unreadable.is_empty() { Exit::Success } else { Exit::Unreadable });
        }
        Command::Kinds => Kind::ALL.map(|kind| format!("{kind}\n")).concat(),
        Command::Example { kind } => example(kind.as_deref()).map_err(Failure::with(Exit::Usage))?,
    };
    print(&text);
    Ok(Exit::Success)
}

fn test(arguments: &TestArguments) -> Result<TrialReport, TrialError> {
    let kind = read_kind(&arguments.kind)?;
    let body = input::read(&arguments.file)?;
    let head = arguments.headers.as_deref().map(input::read).transpose()?.unwrap_or_default();
    let headers = headers(&String::from_utf8_lossy(&head))?;
    let config = SourceConfig { pulls: arguments.all, scans: arguments.all, ..SourceConfig::of_kind(kind) };
    let source = config.source();
    let request = Request { method: &Method::POST, headers: &headers, query: None, body: &body, peer: None };
    Ok(Trial::new(source).take(request, Timestamp::now())?)
}

/// The headers of a request's head.
fn headers(text: &str) -> Result<HeaderMap, TrialError> {
    let mut headers = HeaderMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let is_request_line = number == 0 && line.split(' ').count() == 3 && line.contains(" HTTP/");
        if is_request_line {
            continue;
        }
        let wrong = || TrialError::Header(number + 1);
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
    }
    Ok(headers)
}

fn as_text(tried: &TrialReport) -> String {
    let mut lines = Vec::new();
    if let Some(answer) = &tried.answer {
        lines.push(format!("a handshake: answered {} {}", answer.status, answer.body));
    }
    lines.extend(tried.confirm.iter().map(|url| format!("a confirmation: asks {url}")));
    lines.extend(tried.events.iter().map(event_line));
    lines.extend(tried.ignored.iter().map(|reason| format!("ignored: {reason}")));
    let faults = tried.unreadable.iter();
    lines.extend(faults.map(|(index, why)| format!("notification {} can't be read: {why}", index + 1)));
    let receipt = &tried.receipt;
    lines.push(format!(
        "{} events, {} ignored, {} duplicates, {} not readable\n",
        receipt.accepted, receipt.ignored, receipt.duplicates, receipt.quarantined
    ));
    visible::lines(&lines.join("\n")).into_owned()
}

/// `CreateImage hub.example.com/team/app:v1@sha256:… by jane at 2026-…`
fn event_line(event: &Event) -> String {
    let Event { event_type, artifact, created_at, actor, .. } = event;
    let mut line = format!("{event_type} {}/{}", artifact.registry, artifact.repository);
    for (mark, value) in [(":", &artifact.tag), ("@", &artifact.digest), (" by ", actor)] {
        if !value.is_empty() {
            line.push_str(mark);
            line.push_str(value);
        }
    }
    format!("{} at {created_at}", visible::line(&line))
}

fn as_json(tried: &TrialReport) -> Value {
    let event = |event: &Event| {
        let artifact = &event.artifact;
        json!({
            "type": event.event_type.as_str(),
            "registry_id": artifact.registry,
            "repository_name": artifact.repository,
            "tag": artifact.tag,
            "image_digest": artifact.digest,
            "media_type": artifact.media_type,
            "size": artifact.size,
            "actor": event.actor,
            "source_event_id": event.source_event_id,
            "created_at": event.created_at.to_string(),
        })
    };
    let fault = |(index, why): &(usize, crate::source::Unreadable)| json!({ "index": index, "code": why.code, "message": why.message });
    json!({
        "accepted": tried.receipt.accepted,
        "duplicates": tried.receipt.duplicates,
        "ignored": tried.receipt.ignored,
        "quarantined": tried.receipt.quarantined,
        "events": tried.events.iter().map(event).collect::<Vec<_>>(),
        "reasons": tried.ignored,
        "faults": tried.unreadable.iter().map(fault).collect::<Vec<_>>(),
        "handshake": tried.answer.is_some() || tried.confirm.is_some(),
    })
}

/// The example of a kind: each begins with its comment and ends with an empty line.
fn example(kind: Option<&str>) -> Result<String, KindError> {
    let Some(kind) = kind else { return Ok(SOURCES.to_owned()) };
    let kind = read_kind(kind)?;
    let named = format!("kind = \"{kind}\"");
    let of_kind = SOURCES.split("\n\n").filter(|part| part.lines().any(|line| line == named));
    Ok(of_kind.map(|part| format!("{}\n", part.trim_end())).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_example_of_each_kind() {
        for kind in Kind::ALL {
            let text = example(Some(kind.as_str())).unwrap();
            assert!(text.starts_with('#') && crate::config::Config::parse(&text).is_ok(), "{kind}: {text}");
        }
        assert!(example(Some("svn")).is_err());
    }

    #[test]
    fn headers_are_read_with_and_without_a_request_line() {
        let read = headers("POST /x HTTP/1.1\nCe-Id: a:b\n\n X-A : 1\r\n").unwrap();
        assert_eq!((&read["ce-id"], &read["x-a"]), (&"a:b".parse().unwrap(), &"1".parse().unwrap()));
        assert!(headers("nothing").is_err() && headers("a b: c").is_err());
    }
}
