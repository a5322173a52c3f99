use crate::protocol::{BadRequest, Code};

/// Entries on a page, if the request does not say, and at most.
pub(super) const PAGE: usize = 100;
pub(super) const LARGEST_PAGE: usize = 1_000;

/// The parameters of a URL, all of them known.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query of which only `known` parameters may be.
    ///
    /// # Errors
    ///
    /// One that does not exist, so that a typing error is not taken for nothing, or that is there twice.
    pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, BadRequest> {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
        let pairs: Vec<(String, String)> = pairs.collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(40).collect();
                return Err(bad(format!("unknown parameter '{name}'; there are {}", known.join(", "))));
            }
            if pairs[..index].iter().any(|(other, _)| other == name) {
                return Err(bad(format!("the parameter '{name}' stands there twice")));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter; an empty one is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The same, to keep.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// How many entries the page may have.
    ///
    /// # Errors
    ///
    /// It is no number, or out of its bounds.
    pub(super) fn limit(&self) -> Result<usize, BadRequest> {
        self.limit_of(PAGE, LARGEST_PAGE)
    }

    /// The same where another number is usual, and another the most.
    ///
    /// # Errors
    ///
    /// It is no number, or out of its bounds.
    pub(super) fn limit_of(&self, usual: usize, most: usize) -> Result<usize, BadRequest> {
        let Some(limit) = self.get("limit") else { return Ok(usual) };
        let limit = limit.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| bad(format!("limit is 1 to {most}")))
    }
}

/// A request that makes no sense.
pub(super) fn bad(message: impl Into<String>) -> BadRequest {
    BadRequest { code: Code::BadRequest, message: message.into(), id: None }
}
