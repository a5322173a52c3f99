use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::App;
use crate::http::error::ApiError;
use crate::protocol::{BadRequest, Code};

/// Entries on a page, if the request does not say, and at most.
const PAGE: usize = 100;
pub(crate) const LARGEST_PAGE: usize = 1_000;

/// What a route takes from its URL, beside the path.
pub(crate) trait FromQuery: Sized {
    /// The parameters that there are.
    const NAMES: &'static [&'static str];

    /// Reads them, all known and none there twice.
    fn from_query(query: &Query) -> Result<Self, BadRequest>;
}

/// What the URL asks for.
pub(crate) struct Parameters<T>(pub(crate) T);

/// For a route that takes none.
pub(crate) struct NoParameters;

/// Which page of a list that is ordered by a text.
pub(crate) struct Page {
    /// Those behind this one only; empty: from the first.
    pub after: String,
    pub limit: usize,
}

/// Of a name that several clouds may have: which cloud's is meant, `cloud_id`; `None`: that of the only one.
#[derive(Default)]
pub(crate) struct CloudChoice(pub(crate) Option<String>);

/// The same of a page.
pub(crate) struct CloudPage(pub(crate) CloudChoice, pub(crate) Page);

/// The parameters of a URL.
pub(crate) struct Query(Vec<(String, String)>);

/// Where a stream's client was when it was cut off, in the spelling that we show. Libraries for server-sent events that
/// can't set the header say so in the URL, each in a spelling of its own, and some append it once more each time.
pub(crate) const LAST_EVENT_ID: &str = "lastEventId";

impl<T: FromQuery> FromRequestParts<Arc<App>> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        let query = Query::parse(parts.uri.query(), T::NAMES)?;
        Ok(Self(T::from_query(&query)?))
    }
}

impl FromQuery for NoParameters {
    const NAMES: &'static [&'static str] = &[];

    fn from_query(_: &Query) -> Result<Self, BadRequest> {
        Ok(Self)
    }
}

impl FromQuery for Page {
    const NAMES: &'static [&'static str] = &["after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        Ok(Self { after: query.text("after").unwrap_or_default(), limit: query.limit()? })
    }
}

impl FromQuery for CloudChoice {
    const NAMES: &'static [&'static str] = &["cloud_id"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        Ok(Self(query.text("cloud_id")))
    }
}

impl FromQuery for CloudPage {
    const NAMES: &'static [&'static str] = &["cloud_id", "after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        Ok(Self(CloudChoice::from_query(query)?, Page::from_query(query)?))
    }
}

impl Query {
    /// Reads a query of which only `known` parameters may be.
    ///
    /// # Errors
    ///
    /// One that does not exist, so that a typing error is not taken for nothing, or that is there twice. Of a
    /// [`LAST_EVENT_ID`] the last counts.
    pub(crate) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, BadRequest> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs: Vec<(String, String)> =
            pairs.map(|(name, value)| (our_spelling(name).into_owned(), value.into_owned())).collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(40).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(bad(format!("unknown parameter '{name}'; there are {known}")));
            }
            if name != LAST_EVENT_ID && pairs[..index].iter().any(|(other, _)| other == name) {
                return Err(bad(format!("the parameter '{name}' stands there twice")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter; an empty one is as good as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter().rev().filter(|(known, value)| known == name && !value.is_empty());
        pairs.next().map(|(_, value)| value.as_str())
    }

    /// The same, to keep.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// How many entries the page may have.
    ///
    /// # Errors
    ///
    /// It is no number, or out of its bounds.
    pub(crate) fn limit(&self) -> Result<usize, BadRequest> {
        self.limit_of(PAGE, LARGEST_PAGE)
    }

    /// The same where another number is usual, and another the most.
    ///
    /// # Errors
    ///
    /// It is no number, or out of its bounds.
    pub(crate) fn limit_of(&self, usual: usize, most: usize) -> Result<usize, BadRequest> {
        let Some(limit) = self.get("limit") else { return Ok(usual) };
        let limit = limit.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| bad(format!("limit is 1 to {most}")))
    }
}

/// The name of a parameter, where it has several spellings in the one that we show.
pub(crate) fn our_spelling(name: Cow<'_, str>) -> Cow<'_, str> {
    let letters =
        || name.bytes().filter(|byte| !matches!(byte, b'-' | b'_')).map(|byte| byte.to_ascii_lowercase());
    if letters().eq(*b"lasteventid") { Cow::Borrowed(LAST_EVENT_ID) } else { name }
}

/// A request that makes no sense.
pub(crate) fn bad(message: impl Into<String>) -> BadRequest {
    BadRequest { code: Code::BadRequest, message: message.into(), id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page, String> {
        let query = Query::parse(Some(query), Page::NAMES).map_err(|error| error.message)?;
        Page::from_query(&query).map_err(|error| error.message)
    }

    #[test]
    fn a_page_has_a_bound() {
        let limit = |query: &str| page(query).map(|page| page.limit).ok();
        assert_eq!([limit(""), limit("limit=")], [Some(100); 2]);
        assert_eq!([limit("limit=0"), limit("limit=1"), limit("limit=2")], [None, Some(1), Some(2)]);
        let most = [limit("limit=999"), limit("limit=1000"), limit("limit=1001")];
        assert_eq!(most, [Some(999), Some(1_000), None]);
        for none in ["limit=-1", "limit=1.5", "limit=all", "limit=99999999999999999999"] {
            assert_eq!(limit(none), None, "{none}");
        }
    }

    #[test]
    fn where_a_client_was_is_said_in_many_spellings_and_the_last_counts() {
        let last = |query: &str| {
            let query = Query::parse(Some(query), &["after", LAST_EVENT_ID]).ok()?;
            query.text(LAST_EVENT_ID)
        };
        for name in
            ["lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", "last_event_id", "LASTEVENTID"]
        {
            assert_eq!(last(&format!("after=a&{name}=b")).as_deref(), Some("b"), "{name}");
        }
        assert_eq!(last("Last-Event-ID=a&lastEventId=b&lastEventId=c").as_deref(), Some("c"));
        assert_eq!(
            last("lastEventId=a&lastEventId=").as_deref(),
            Some("a"),
            "an empty one is as good as none"
        );
        assert_eq!(last("lastEventId=").as_deref(), None);
        let elsewhere = Query::parse(Some("Last-Event-ID=a"), Page::NAMES).err();
        assert_eq!(elsewhere.unwrap().message, "unknown parameter 'lastEventId'; there are after, limit");
    }

    #[test]
    fn what_is_unknown_or_there_twice_is_refused_with_its_name() {
        let none = Query::parse(Some("x=1"), NoParameters::NAMES).err();
        assert_eq!(none.unwrap().message, "unknown parameter 'x'; there are none");
        let refused = |query: &str| page(query).err();
        assert_eq!(refused("afetr=x").unwrap(), "unknown parameter 'afetr'; there are after, limit");
        assert_eq!(refused("after=x&after=y").unwrap(), "the parameter 'after' stands there twice");
        for (letters, shown) in [(39, 39), (40, 40), (41, 40)] {
            let message = refused(&"ü".repeat(letters)).unwrap();
            assert_eq!(message.matches('ü').count(), shown, "{letters}");
        }
    }
}
