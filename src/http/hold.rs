use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;

use super::App;
use super::compression::{compress, is_asked};
use super::error::{Answer, ApiError};
use super::extract::Peer;
use super::memory::{NoRoom, Reservation};
use crate::protocol::Code;

/// What an answer may hold while it is made, before it is known how long it is: a page of events and its JSON.
const MAKING: usize = 2 << 20;
/// An answer of no more bytes counts no more once it is made.
const SMALL: usize = 16 << 10;
/// For a place among the answers that are made or on their way.
const WAIT: Duration = Duration::from_secs(5);

/// Has every answer of the routes behind it counted, from before it is made until its last byte is out.
pub(super) async fn layer(State(app): State<Arc<App>>, peer: Peer, request: Request, next: Next) -> Answer {
    let compressed = is_asked(request.headers());
    hold(&app, (&peer, compressed), async { Ok(next.run(request).await) }).await
}

/// The same for one answer, to a client that wants it compressed or not.
pub(super) async fn hold(
    app: &App,
    (peer, compressed): (&Peer, bool),
    answer: impl Future<Output = Answer>,
) -> Answer {
    let mut reservation = app.memory.answers.reserve(Some(peer.client()));
    let room = tokio::time::timeout(WAIT, reservation.grow_in_turn(MAKING));
    room.await.map_err(|_| busy())?;
    let response = answer.await.unwrap_or_else(ApiError::into_response);
    let response = compress(response, compressed).await;
    Ok(keep(response, reservation).await)
}

/// The same for one that is small while it is made, and so counts only then; `peer`: whose share it is of.
pub(super) async fn made(app: &App, peer: Option<&Peer>, response: Response) -> Answer {
    let mut reservation = app.memory.answers.reserve(peer.map(Peer::client));
    let length = response.body().size_hint().exact().unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > SMALL {
        reservation.grow(length).map_err(|NoRoom| busy())?;
    }
    Ok(keep(response, reservation).await)
}

/// Keeps the reservation with the body: what hyper has not written yet, it holds.
async fn keep(response: Response, mut reservation: Reservation) -> Response {
    let (head, body) = response.into_parts();
    let Some(length) = body.size_hint().exact() else {
        // A copy of the log: a piece after the other, each smaller than what is reserved.
        let pieces = body.map_frame(move |piece| {
            let _ = &reservation;
            piece
        });
        return Response::from_parts(head, Body::new(pieces));
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length <= SMALL {
        return Response::from_parts(head, body);
    }
    reservation.shrink_to(length);
    // It is there as a whole, so nothing is waited for, and nothing copied.
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(head, Body::from(reservation.of(bytes))),
        Err(_) => ApiError::new(Code::StorageFailed, "the answer broke off").into_response(),
    }
}

fn busy() -> ApiError {
    let error = ApiError::new(Code::Overloaded, "too many answers wait for those who asked for them");
    error.retry_after(Duration::from_secs(1))
}
