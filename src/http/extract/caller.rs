use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::{CloudChoice, Peer};
use crate::auth::{Principal, Reach};
use crate::header::credentials;
use crate::http::App;
use crate::http::error::ApiError;
use crate::limits::seldom;
use crate::metrics::CredentialLabel;
use crate::protocol::Code;

/// What readers' tokens open; no source can be called so.
const DOOR: &str = "/";

/// Who asks for what is not an event, with a token in `Authorization` where one is needed.
pub(crate) struct Caller(Option<Arc<Principal>>);

/// A caller who may see and change what is its cloud's; of all clouds, if it is bound to none. Where tokens are needed,
/// it takes one with `admin`.
pub(crate) struct Admin(pub(crate) Caller);

/// A caller who may see and change what is everybody's: an admin that is bound to no cloud.
pub(crate) struct Operator;

/// Anyone, with a token or without; a wrong one is never taken for none.
pub(crate) struct Onlooker(Option<Caller>);

impl Caller {
    /// The one cloud that it may see; `None` for all.
    pub(crate) fn cloud(&self) -> Option<&str> {
        self.0.as_ref()?.cloud.as_deref()
    }

    /// Which clouds it reaches with a request for what is `asked`'s; `None`: of any.
    pub(crate) fn reach<'a>(&'a self, asked: &'a CloudChoice) -> Reach<'a> {
        Reach { own: self.cloud(), asked: asked.0.as_deref() }
    }

    /// The name of whose token was shown; `None` where nobody needs one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|principal| principal.name.as_str())
    }

    fn is_operator(&self) -> bool {
        self.0.as_ref().is_none_or(|principal| principal.admin && principal.cloud.is_none())
    }
}

impl Onlooker {
    /// Whether it may see what tells of all clouds.
    pub(crate) fn is_operator(&self) -> bool {
        self.0.as_ref().is_some_and(Caller::is_operator)
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        principal(app, parts, bearer(&parts.headers)).map(|principal| Self(principal.cloned()))
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.0.as_ref().is_some_and(|principal| !principal.admin) {
            return Err(ApiError::new(Code::Forbidden, "a token with admin = true is needed"));
        }
        Ok(Self(caller))
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Admin(caller) = Admin::from_request_parts(parts, app).await?;
        let message = "this is everybody's: a token with admin = true and without a cloud is needed";
        caller.is_operator().then_some(Self).ok_or_else(|| ApiError::new(Code::Forbidden, message))
    }
}

impl FromRequestParts<Arc<App>> for Onlooker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if !app.tokens.is_empty() && !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Self(None));
        }
        Caller::from_request_parts(parts, app).await.map(Some).map(Self)
    }
}

/// Whose token this is; `None` where nobody needs one. A right one always passes; who shows too many wrong ones is
/// told to wait.
pub(super) fn principal<'a>(
    app: &'a App,
    parts: &Parts,
    token: Option<&str>,
) -> Result<Option<&'a Arc<Principal>>, ApiError> {
    let principal = if app.tokens.is_empty() {
        None
    } else {
        let token = token.ok_or_else(unauthenticated)?;
        Some(app.tokens.principal(token).ok_or_else(|| wrong(app, parts))?)
    };
    if let Some(peer) = parts.extensions.get::<Peer>() {
        peer.prove();
    }
    Ok(principal)
}

/// The answer to a wrong token.
fn wrong(app: &App, parts: &Parts) -> ApiError {
    app.metrics.wrong_credentials.get_or_create(&CredentialLabel { kind: "reader" }).inc();
    let address = parts.extensions.get().map(Peer::client);
    if let Some(address) = address {
        seldom!(warn, %address, "a wrong token of a reader");
    }
    match app.guesses.count(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), DOOR) {
        Ok(()) => unauthenticated(),
        Err(wait) => {
            ApiError::new(Code::CredentialsRate, "too many wrong tokens from this address").retry_after(wait)
        }
    }
}

/// The token in `Authorization`; of two, nobody can say which one is meant.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut told = headers.get_all(AUTHORIZATION).iter();
    match (told.next(), told.next()) {
        (Some(value), None) => credentials(value.to_str().ok()?, "Bearer"),
        _ => None,
    }
}

pub(super) fn unauthenticated() -> ApiError {
    ApiError::new(Code::Unauthenticated, "a token is needed: Authorization: Bearer …")
}
