//! An answer that is not what a command asked for, as all commands read it: whose it is, what it says, and whether it
//! helps to come back.

use std::fmt;
use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::exit::Exit;
use crate::event::Timestamp;
use crate::header::retry_after;
use crate::protocol::{Code, Recovery};

/// `Retry-After` is heeded up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What a request was answered with in place of what it asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The gateway's error. Without one it was none that answered, but something on the way to it.
    error: Option<Value>,
    /// Where a redirect leads.
    location: Option<String>,
    recovery: Recovery,
}

impl Refusal {
    /// Reads an answer whose status is no success.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = Some(body["error"].take()).filter(|e| e["code"].is_string() && e["message"].is_string());
        let mut recovery = match &error {
            None => Recovery::of_foreign(status.as_u16()),
            Some(error) => error["code"]
                .as_str()
                .and_then(Code::parse)
                .map_or_else(|| Recovery::of_status(status.as_u16()), Code::recovery),
        };
        if let (Recovery::Soon, Some(wait)) = (recovery, retry_after(headers, Timestamp::now())) {
            recovery = Recovery::After(wait.min(LONGEST_WAIT));
        }
        let location = headers.get(LOCATION).filter(|_| status.is_redirection());
        let location = location.and_then(|location| location.to_str().ok()).map(str::to_owned);
        Self { status, error, location, recovery }
    }

    /// The same where `host` was asked without TLS: what leads to TLS at it, as proxies do by a redirect of any kind, will
    /// do so for ever.
    pub(super) fn of_plain(self, host: &str) -> Self {
        let to = self.location.as_deref().and_then(|location| location.strip_prefix("https://"));
        let leads_to_tls = to.and_then(|rest| rest.split(['/', ':', '?']).next()) == Some(host);
        Self { recovery: if leads_to_tls { Recovery::Never } else { self.recovery }, ..self }
    }

    /// Whether it helps to come back.
    pub(super) fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// How a command ends that does not come back.
    pub(super) fn exit(&self) -> Exit {
        match (self.status, self.recovery) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Exit::NotAllowed,
            (_, Recovery::Never) => Exit::Wrong,
            _ => Exit::Failure,
        }
    }

    /// The same of a command that asks once: where the answer is no, there was nothing wrong with the question.
    pub(super) fn exit_of_one(&self) -> Exit {
        match self.exit() {
            Exit::Wrong if self.status != StatusCode::BAD_REQUEST => Exit::Failure,
            exit => exit,
        }
    }

    /// What the gateway's error says beside its message.
    pub(super) fn details(&self) -> &Value {
        self.error.as_ref().map_or(&Value::Null, |error| &error["details"])
    }

    /// The gateway's own words.
    pub(super) fn message(&self) -> Option<&str> {
        self.error.as_ref().and_then(|error| error["message"].as_str())
    }

    fn is(&self, code: Code) -> bool {
        self.error.as_ref().is_some_and(|error| error["code"] == code.as_str())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status;
        match self.message() {
            Some(_) if self.is(Code::UpgradeRequired) => {
                write!(
                    f,
                    "the gateway got no WebSocket handshake: something on the way does not let the upgrade through"
                )
            }
            Some(message) if self.recovery == Recovery::Never => f.write_str(message),
            Some(message) => write!(f, "the gateway answers {status}: {message}"),
            None => {
                write!(f, "something else than a Tagcast gateway answers: {status}")?;
                self.location.as_ref().map_or(Ok(()), |location| write!(f, ", to {location}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn refusal(status: u16, header: Option<(HeaderName, &'static str)>, body: &str) -> Refusal {
        let header = header.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Refusal::read(StatusCode::from_u16(status).unwrap(), &header.into_iter().collect(), body.as_bytes())
    }

    fn ours(code: &str) -> String {
        format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#)
    }

    #[test]
    fn an_error_of_the_gateways_passes_by_its_code_or_else_its_status() {
        let after = Some((RETRY_AFTER, "7"));
        let seven = Recovery::After(Duration::from_secs(7));
        for (status, header, code, recovery, exit) in [
            (429, after.clone(), "handshake_rate", seven, Exit::Failure),
            (503, None, "shutting_down", Recovery::Soon, Exit::Failure),
            (503, None, "of_tomorrow", Recovery::Soon, Exit::Failure),
            (408, None, "of_tomorrow", Recovery::Soon, Exit::Failure),
            (401, None, "unauthenticated", Recovery::Never, Exit::NotAllowed),
            (403, None, "host_denied", Recovery::Never, Exit::NotAllowed),
            (400, after, "invalid_batch", Recovery::Never, Exit::Wrong),
            (404, None, "not_found", Recovery::Never, Exit::Wrong),
            (404, None, "of_tomorrow", Recovery::Never, Exit::Wrong),
        ] {
            let refusal = refusal(status, header, &ours(code));
            assert_eq!((refusal.recovery(), refusal.exit()), (recovery, exit), "{status} {code}");
        }
    }

    #[test]
    fn what_a_proxy_says_while_it_has_no_gateway_passes() {
        for status in [200, 204, 302, 303, 307, 404, 408, 421, 425, 429, 500, 502, 503, 504, 521, 530] {
            for body in ["", "<html>", r#"{"error":{"code":404,"message":"no route"}}"#, r#"{"error":"x"}"#] {
                let refusal = refusal(status, None, body);
                assert_eq!(
                    (refusal.recovery(), refusal.exit()),
                    (Recovery::Soon, Exit::Failure),
                    "{status} {body}"
                );
            }
        }
        for (status, exit) in [(301, Exit::Wrong), (308, Exit::Wrong), (400, Exit::Wrong), (410, Exit::Wrong)]
        {
            let refusal = refusal(status, None, "<html>");
            assert_eq!((refusal.recovery(), refusal.exit()), (Recovery::Never, exit), "{status}");
        }
        assert_eq!(refusal(403, None, "<html>").exit(), Exit::NotAllowed);
        let far = refusal(503, Some((RETRY_AFTER, "99999999")), "<html>");
        assert_eq!(far.recovery(), Recovery::After(LONGEST_WAIT));
    }

    #[test]
    fn the_reason_is_told() {
        let told = |status, header, body: &str| refusal(status, header, body).to_string();
        assert_eq!(told(503, None, &ours("overloaded")), "the gateway answers 503 Service Unavailable: m");
        assert_eq!(told(400, None, &ours("invalid_batch")), "m");
        let other = "something else than a Tagcast gateway answers: ";
        assert_eq!(told(404, None, "<html>"), format!("{other}404 Not Found"));
        let moved = Some((LOCATION, "https://hub.example.com/"));
        assert_eq!(
            told(308, moved.clone(), ""),
            format!("{other}308 Permanent Redirect, to https://hub.example.com/")
        );
        assert_eq!(told(201, moved, ""), format!("{other}201 Created"));
        let elsewhere = Some((LOCATION, "https://login.example.com/"));
        for (header, recovery) in [
            (Some((LOCATION, "https://hub.example.com:443/x")), Recovery::Never),
            (elsewhere, Recovery::Soon),
        ] {
            let plain = refusal(302, header, "").of_plain("hub.example.com");
            assert_eq!(plain.recovery(), recovery, "{plain}");
        }
        assert!(told(426, None, &ours("upgrade_required")).contains("does not let the upgrade through"));
    }
}
