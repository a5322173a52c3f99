use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::source::{Credential, Settings, Unreadable};

/// Faults told of one body; more say no more.
const MAX_FAULTS: usize = 32;

/// Headers that readers look at, and that say which delivery it was. Never one with a secret or a signature.
const KEPT: [&str; 9] = [
    "content-type",
    "traceparent",
    "tagcast-via",
    "aeg-event-type",
    "x-amz-sns-message-type",
    "x-github-event",
    "x-github-delivery",
    "x-gitea-event",
    "x-gitea-delivery",
];
const KEPT_PREFIXES: [&str; 4] = ["ce-", "x-goog-pubsub-", "x-nexus-webhook-id", "x-nexus-webhook-delivery"];

/// One request of an authenticated sender that nobody could read, or not all of it; all but its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantineRecord {
    /// The source.
    pub source: String,
    /// Whose the source was.
    pub cloud: String,
    /// When it arrived.
    pub received_at: String,
    /// Bytes of its body.
    pub size: usize,
    /// Why; the first of them.
    pub faults: Vec<Fault>,
    /// How many.
    pub faults_total: usize,
    /// Which notifications of the body; none: the body as a whole.
    pub indexes: Option<Vec<usize>>,
    /// What a reader may need of its head.
    pub headers: Vec<(String, String)>,
    /// Whether it was known by a topic's signature.
    pub signed: bool,
}

/// Why one notification can't be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Its place in the body.
    pub index: usize,
    /// The kind of fault.
    pub code: String,
    /// What is wrong with it.
    pub message: String,
}

/// What is kept of a request that can't be read, beside its body.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestHead {
    /// What a reader may need of its head.
    pub(crate) headers: Vec<(String, String)>,
    /// Whether it was known by a topic's signature.
    pub(crate) signed: bool,
    /// Whether nothing of it could be read.
    pub(crate) whole: bool,
}

/// The headers that are kept of a request to a source with these settings.
pub(crate) fn kept_headers(settings: &Settings, headers: &HeaderMap) -> Vec<(String, String)> {
    let secret = |name: &str| settings.credentials.iter().any(|c| shows_in(c, name));
    let kept = |name: &str| KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|p| name.starts_with(p));
    let named = headers.iter().filter(|(name, _)| kept(name.as_str()) && !secret(name.as_str()));
    named.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// Whether a credential stands in this header: an operator may have named any.
fn shows_in(credential: &Credential, name: &str) -> bool {
    match credential {
        Credential::Header { name: header, .. }
        | Credential::HmacSha256 { header, .. }
        | Credential::HmacSha1 { header, .. } => header.eq_ignore_ascii_case(name),
        _ => false,
    }
}

impl QuarantineRecord {
    pub(crate) fn new(
        source: &str,
        cloud: &str,
        now: Timestamp,
        unreadable: &[(usize, Unreadable)],
        kept: RequestHead,
        size: usize,
    ) -> Self {
        let mut record = Self {
            source: source.to_owned(),
            cloud: cloud.to_owned(),
            received_at: now.to_string(),
            size,
            faults: Vec::new(),
            faults_total: 0,
            indexes: None,
            headers: kept.headers,
            signed: kept.signed,
        };
        record.set_faults(unreadable, kept.whole);
        record
    }

    /// Says what is wrong with it now.
    pub(crate) fn set_faults(&mut self, unreadable: &[(usize, Unreadable)], whole: bool) {
        let fault = |(index, why): &(usize, Unreadable)| Fault {
            index: *index,
            code: why.code.to_owned(),
            message: why.message.clone(),
        };
        self.faults = unreadable.iter().take(MAX_FAULTS).map(fault).collect();
        self.faults_total = unreadable.len();
        self.indexes = (!whole).then(|| unreadable.iter().map(|(index, _)| *index).collect());
    }

    /// Whether the notification at this place is still to be taken.
    pub(crate) fn wants(&self, index: usize) -> bool {
        self.indexes.as_ref().is_none_or(|indexes| indexes.contains(&index))
    }

    /// The kept headers, as they came.
    pub(crate) fn header_map(&self) -> HeaderMap {
        let pairs = self.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    /// The content type that it came with.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;

    #[test]
    fn no_secret_is_kept() {
        let mut settings = Settings::new(Kind::Azure, "a");
        settings.credentials = vec![Credential::Header { name: "Ce-Secret".into(), value: "x".into() }];
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "x-hub-signature-256", "ce-secret", "ce-id", "content-type"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        let mut names: Vec<_> = kept_headers(&settings, &headers).into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(names, ["ce-id", "content-type"]);
    }
}
