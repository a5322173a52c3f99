use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::page;
use crate::event::Timestamp;
use crate::http::App;
use crate::http::attachment::Attachment;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{Admin, Caller, FromQuery, NoParameters, Parameters, Query, bad};
use crate::ingest::{QuarantineError, QuarantineId, QuarantineRecord, Receipt, Scope};
use crate::limits::Customer;
use crate::protocol::BadRequest;

/// Records on a page, if the request does not say, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

/// Which records are wanted.
pub(crate) struct Listing {
    source: Option<String>,
    after: Option<QuarantineId>,
    limit: usize,
}

/// A record that the path names, and who asks for it.
pub(crate) struct RecordRef {
    caller: Caller,
    id: QuarantineId,
}

/// `GET /v1/quarantine?source=&after=&limit=`: a page, oldest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Parameters(listing): Parameters<Listing>,
) -> Answer<Json<Value>> {
    let _turn = app.bus.turn(&app.bus.allowance(Customer::Operator)).await?;
    let scope = Scope { cloud: caller.cloud(), source: listing.source.as_deref() };
    let found = app.ingest.quarantine(scope, listing.after, listing.limit).await?;
    let records: Vec<_> = found.records.iter().map(|(id, record)| shown(*id, record)).collect();
    let last = found.records.last().filter(|_| found.more);
    Ok(page(json!({ "records": records }), last.map(|(id, _)| id.to_string())))
}

/// `GET /v1/quarantine/{id}`: the body, byte for byte.
pub(crate) async fn body(State(app): State<Arc<App>>, record: RecordRef) -> Answer<Attachment> {
    let (_, bytes) = app.ingest.quarantined(record.scope(), record.id).await?;
    Ok(Attachment { name: format!("{}.body", record.id), bytes })
}

/// `POST /v1/quarantine/{id}/replay`: reads it anew.
pub(crate) async fn replay(State(app): State<Arc<App>>, record: RecordRef) -> Answer<Json<Receipt>> {
    Ok(Json(app.ingest.replay(record.scope(), record.id, Timestamp::now()).await?))
}

/// `DELETE /v1/quarantine/{id}`
pub(crate) async fn discard(State(app): State<Arc<App>>, record: RecordRef) -> Answer<StatusCode> {
    app.ingest.discard(record.scope(), record.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/quarantine?source=`: all of one source. Everything at once has to be said as `source=*`.
pub(crate) async fn discard_all(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Parameters(listing): Parameters<Listing>,
) -> Answer<Json<Value>> {
    let source = listing.source.as_deref();
    let source = source.ok_or_else(|| bad("say which: ?source=NAME, or ?source=* for all"))?;
    let scope = Scope { cloud: caller.cloud(), source: Some(source).filter(|source| *source != "*") };
    Ok(Json(json!({ "dropped": app.ingest.discard_all(scope).await? })))
}

impl RecordRef {
    fn scope(&self) -> Scope<'_> {
        Scope { cloud: self.caller.cloud(), source: None }
    }
}

impl FromRequestParts<Arc<App>> for RecordRef {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Admin(caller) = Admin::from_request_parts(parts, app).await?;
        let Parameters(NoParameters) = Parameters::from_request_parts(parts, app).await?;
        let id = Path::<String>::from_request_parts(parts, app).await.ok();
        let id = id.and_then(|id| QuarantineId::parse(&id)).ok_or(QuarantineError::NotFound)?;
        Ok(Self { caller, id })
    }
}

impl FromQuery for Listing {
    const NAMES: &'static [&'static str] = &["source", "after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let after = query.get("after");
        let after = after.map(|id| QuarantineId::parse(id).ok_or_else(|| bad("after is the id of a record")));
        let limit = query.limit_of(PAGE, LARGEST_PAGE)?;
        Ok(Self { source: query.text("source"), after: after.transpose()?, limit })
    }
}

fn shown(id: QuarantineId, record: &QuarantineRecord) -> Value {
    json!({
        "id": id.to_string(),
        "source": record.source,
        "received_at": record.received_at,
        "size": record.size,
        "content_type": record.content_type(),
        "faults": record.faults,
        "faults_total": record.faults_total,
    })
}
