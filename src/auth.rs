//! Who asks, by token, and which events it may see.

use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::filter::{Filter, FilterError, Options};

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Its name, for people and diagnostics.
    pub name: String,
    /// The one cloud whose events it may read; `None` for all.
    pub cloud: Option<String>,
    /// Whether it may see and change what is the operator's.
    pub admin: bool,
    /// Whether others may read its cloud too.
    pub shares: bool,
}

/// Which clouds a request reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach<'a> {
    /// The one cloud of who asks; `None` for all.
    pub own: Option<&'a str>,
    /// The one that it asks for; `None` for any.
    pub asked: Option<&'a str>,
}

impl Reach<'_> {
    /// Whether what is this cloud's is within reach.
    pub(crate) fn holds(&self, cloud: &str) -> bool {
        [self.own, self.asked].into_iter().flatten().all(|only| only == cloud)
    }
}

impl Principal {
    /// The filter that is joined with each of its own: which events it may see.
    ///
    /// # Errors
    ///
    /// The name of its cloud is over a limit of filters.
    pub(crate) fn rights(&self, options: &Options) -> Result<Filter, FilterError> {
        match &self.cloud {
            None => Ok(Filter::all()),
            Some(cloud) => Filter::from_json(&json!({ "cloud_id": cloud }), options),
        }
    }
}

/// The tokens that are accepted. Only their hashes are kept.
#[derive(Default)]
pub(crate) struct Tokens(Vec<([u8; 32], Arc<Principal>)>);

impl Tokens {
    /// Accepts `token` for `principal`.
    pub(crate) fn add(&mut self, token: &str, principal: Principal) {
        self.0.push((Sha256::digest(token).into(), Arc::new(principal)));
    }

    /// Whether nobody needs a token, because there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token this is. Takes the same time whichever it is, or none.
    pub(crate) fn principal(&self, token: &str) -> Option<&Arc<Principal>> {
        let hash = Sha256::digest(token);
        let mut found = u64::MAX;
        for (index, (known, _)) in (0u64..).zip(&self.0) {
            let same: Choice = known.ct_eq(hash.as_slice());
            found.conditional_assign(&index, same);
        }
        self.0.get(usize::try_from(found).ok()?).map(|(_, principal)| principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_speaks_for_its_principal_alone() {
        let principal =
            |name: &str| Principal { name: name.into(), cloud: None, admin: false, shares: false };
        let mut tokens = Tokens::default();
        assert!(tokens.is_empty());
        tokens.add("one", principal("a"));
        tokens.add("two", principal("b"));
        assert_eq!(tokens.principal("one"), Some(&Arc::new(principal("a"))));
        assert_eq!(tokens.principal("two"), Some(&Arc::new(principal("b"))));
        for wrong in ["", "on", "one ", "three"] {
            assert_eq!(tokens.principal(wrong), None, "{wrong}");
        }
    }
}
