//! Answers to what a source asks before it sends.

use super::{Request, Settings};

/// The answer to a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// 200; some senders take no other.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or empty.
    pub body: String,
}

impl Handshake {
    pub(super) fn ok() -> Self {
        Self { status: 200, headers: Vec::new(), body: String::new() }
    }
}

/// Requests a minute that are granted to who asks how many: the 2,000 a second that a source may send at all.
const RATE: u32 = 120_000;

/// The answer to an OPTIONS request whose origin may send: cloudevents/spec `cloudevents/http-webhook.md`.
/// The callback that it may name is never called.
pub(super) fn permission(request: &Request<'_>) -> Handshake {
    let mut headers = vec![("allow", "POST, OPTIONS".to_owned())];
    if let Some(origin) = request.header("webhook-request-origin") {
        headers.push(("webhook-allowed-origin", origin.to_owned()));
    }
    if let Some(rate) = request.header("webhook-request-rate") {
        let granted = rate.trim().parse().map_or(RATE, |asked: u32| asked.clamp(1, RATE));
        headers.push(("webhook-allowed-rate", granted.to_string()));
    }
    Handshake { headers, ..Handshake::ok() }
}

/// Whether who asks by OPTIONS may send.
pub(super) fn is_allowed(settings: &Settings, request: &Request<'_>) -> bool {
    /// Whose events an `azure` source gets; in the national clouds the settings name others.
    const EVENT_GRID: &str = "eventgrid.azure.net";
    let Some(origin) = request.header("webhook-request-origin") else { return false };
    let is_listed = |origins: &[String]| origins.iter().any(|o| o == "*" || o.eq_ignore_ascii_case(origin));
    if settings.allowed_origins.is_empty() {
        let is_event_grid = settings.kind == super::Kind::Azure && origin.eq_ignore_ascii_case(EVENT_GRID);
        return is_event_grid || settings.asks_for_nothing();
    }
    is_listed(&settings.allowed_origins)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::event::Timestamp;
    use crate::source::sample::Sample;
    use crate::source::{Credential, Keys, Kind, Reading, Refusal, read, verify};

    fn ask(settings: &Settings, query: &str, rate: &str) -> Result<Handshake, Refusal> {
        let sample = Sample { method: Method::OPTIONS, query: Some(query.into()), ..Sample::json("") }
            .with("webhook-request-origin", "eventemitter.example.com");
        let sample = if rate.is_empty() { sample } else { sample.with("webhook-request-rate", rate) };
        let verified = verify(settings, sample.request(), &Keys::default(), Timestamp::UNIX_EPOCH)?;
        match read(settings, &verified) {
            Reading::Answer(answer) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_published_request_gets_the_published_answer() {
        let answer = ask(&Settings::new(Kind::Azure, "a"), "", "").unwrap();
        let expected = [("allow", "POST, OPTIONS"), ("webhook-allowed-origin", "eventemitter.example.com")];
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_rate_is_granted_where_one_is_asked_for() {
        let settings = Settings::new(Kind::CloudEvents, "c");
        for (asked, granted) in [("60", "60"), ("*", "120000"), ("999999", "120000"), ("0", "1")] {
            let answer = ask(&settings, "", asked).unwrap();
            assert_eq!(answer.headers.last(), Some(&("webhook-allowed-rate", granted.to_owned())), "{asked}");
        }
    }

    #[test]
    fn only_listed_origins_may_send() {
        let mut settings = Settings::new(Kind::Azure, "a");
        settings.allowed_origins = vec!["eventgrid.azure.net".into()];
        assert_eq!(ask(&settings, "", ""), Err(Refusal::Forbidden("origin")));
        settings.allowed_origins.push("eventemitter.example.com".into());
        assert!(ask(&settings, "", "").is_ok());
        settings.allowed_origins = vec!["*".into()];
        assert!(ask(&settings, "", "").is_ok());
    }

    #[test]
    fn who_asks_shows_what_stands_in_the_query() {
        let mut settings = Settings::new(Kind::Azure, "a");
        settings.allowed_origins = vec!["*".into()];
        settings.credentials = vec![
            Credential::Query { parameter: "secret".into(), value: "opensesame".into() },
            Credential::Bearer("never asked here".into()),
        ];
        assert!(ask(&settings, "secret=opensesame", "").is_ok());
        assert!(matches!(ask(&settings, "secret=close", ""), Err(Refusal::Unauthenticated(_))));
        assert!(matches!(ask(&settings, "", ""), Err(Refusal::Unauthenticated(_))));
    }

    #[test]
    fn not_every_kind_is_asked() {
        assert_eq!(ask(&Settings::new(Kind::Distribution, "d"), "", ""), Err(Refusal::Method));
    }
}
