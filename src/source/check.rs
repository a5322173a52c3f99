//! Whether a request is its source's: over the raw bytes, before anything of it is parsed.
//!
//! Secrets are compared in constant time, on hashes, and each accepted one is tried whether or not another
//! already fitted, so that neither their number nor their order shows in the time taken.

mod credential;
mod keys;
mod secret;
mod signature;
mod token;
mod topic;

pub(crate) use credential::{Credential, TokenRule};
pub(crate) use keys::Keys;
pub(crate) use secret::Secret;

use http::Method;
use jiff::Timestamp;

use super::{Kind, Request, Settings, handshake};

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 401. The text is for the operator's eyes, not for the answer.
    #[error("unauthenticated: {0}")]
    Unauthenticated(&'static str),
    /// 403.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// 405.
    #[error("method not allowed")]
    Method,
    /// Fetch this https URL, add what it holds to [`Keys`], and ask again; at most once for a request. Where it
    /// can't be fetched: 503. Where it was fetched a moment ago and still lacks the key: 401.
    #[error("a key is needed")]
    NeedsKey(String),
}

/// A request that is its source's, as far as the source's settings ask for proof.
pub(crate) struct Verified<'a> {
    request: Request<'a>,
    is_signed: bool,
}

impl<'a> Verified<'a> {
    pub(super) fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// A request that [`verify`] found to be its source's when it came, and that was kept since.
    pub(crate) fn when_it_came(request: Request<'a>, is_signed: bool) -> Self {
        Self { request, is_signed }
    }

    /// Whether SNS's signature and topic were checked.
    pub(crate) fn is_signed(&self) -> bool {
        self.is_signed
    }
}

/// How far what stands in its head proves a request to be its source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Whether something did that no stranger can show, or the source asks for nothing.
    pub(crate) is_proven: bool,
    /// Whether a signature over the body is still to be checked, by [`verify_body`].
    pub(crate) needs_body: bool,
}

/// The part of [`verify`] that needs no body, for a caller who asks before it reads one. Who shows nothing learns
/// nothing of the source: neither whether there is one, nor whom and what else it takes.
///
/// # Errors
///
/// The address, the method, or a credential that stands in the head is not the source's; or a key is needed to know.
pub(crate) fn admit(
    settings: &Settings,
    request: &Request<'_>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let asks = *request.method == Method::OPTIONS && settings.kind.may_ask_first();
    let proof = prove(settings, request, asks, keys, now)?;
    if !asks && *request.method != Method::POST {
        return Err(if proof.needs_body { Refusal::Unauthenticated("not signed") } else { Refusal::Method });
    }
    if !settings.allow.is_empty() {
        let peer = request.peer.map(|peer| peer.to_canonical());
        if !peer.is_some_and(|peer| settings.allow.iter().any(|net| net.contains(&peer))) {
            let is_stranger = proof.needs_body && !proof.is_proven;
            let refusal = if is_stranger { Refusal::Unauthenticated } else { Refusal::Forbidden };
            return Err(refusal("address"));
        }
    }
    if asks && !handshake::is_allowed(settings, request) {
        return Err(Refusal::Forbidden("origin"));
    }
    Ok(proof)
}

/// What the head proves. Who `asks` by OPTIONS can give only what stands in the URL.
fn prove(
    settings: &Settings,
    request: &Request<'_>,
    asks: bool,
    keys: &Keys,
    now: Timestamp,
) -> Result<Proof, Refusal> {
    if topic::is_message(settings, request) {
        return Ok(Proof { is_proven: false, needs_body: true });
    }
    if settings.asks_for_nothing() {
        return Ok(Proof { is_proven: true, needs_body: false });
    }
    let mut is_proven = credential::check_head(&settings.credentials, request, asks)?;
    if asks {
        return Ok(Proof { is_proven, needs_body: false });
    }
    let rules = token::rules(settings);
    if !rules.is_empty() {
        token::check(&rules, request, keys, now)?;
        is_proven = true;
    }
    if settings.credentials.is_empty() && rules.is_empty() {
        return Err(Refusal::Unauthenticated("not signed by a topic"));
    }
    Ok(Proof { is_proven, needs_body: settings.credentials.iter().any(Credential::covers_body) })
}

/// Checks who sent a request.
///
/// # Errors
///
/// The request is not the source's, or a key is needed to know.
pub(crate) fn verify<'a>(
    settings: &Settings,
    request: Request<'a>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Verified<'a>, Refusal> {
    admit(settings, &request, keys, now)?;
    verify_body(settings, request, keys, now)
}

/// The rest of [`verify`], for a request that [`admit`] let in.
///
/// # Errors
///
/// The body is not signed by the source, or a key is needed to know.
pub(crate) fn verify_body<'a>(
    settings: &Settings,
    request: Request<'a>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Verified<'a>, Refusal> {
    let is_signed = topic::is_message(settings, &request);
    if is_signed {
        topic::check(settings, &request, keys, now)?;
    } else if *request.method == Method::POST {
        // Gitea signs the JSON inside its form, everyone else what is sent.
        let signed = if settings.kind == Kind::Gitea { request.json() } else { request.body.into() };
        credential::check_body(&settings.credentials, &request, &signed, now)?;
    }
    Ok(Verified { request, is_signed })
}
