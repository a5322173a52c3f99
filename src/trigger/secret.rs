use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

/// What stands for a secret wherever one is shown. Written back, it keeps the secret that is known.
pub(crate) const HIDDEN: &str = "***";

/// A text that does not show itself, and is overwritten when it is let go of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What stands for it.
    pub(super) fn hidden() -> Self {
        Self(HIDDEN.to_owned())
    }

    /// Whether it is what stands for a secret, alone or behind something: a user, a scheme, a part of it.
    pub(super) fn stands_in(&self) -> bool {
        self.0.ends_with(HIDDEN)
    }

    /// The secret that is known, where only its stand-in was written.
    pub(super) fn or_known(self, known: Option<&Self>) -> Self {
        match known {
            Some(known) if self.0 == HIDDEN => known.clone(),
            _ => self,
        }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
