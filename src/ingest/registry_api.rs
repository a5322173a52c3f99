//! What is asked of a source's registry: the digest that a notification did not tell, and all tags before the
//! source is opened.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{sleep, timeout};

use super::Source;
use super::status::SourceStatus;
use super::writer::{Part, WriterHandle};
use crate::event::Action;
use crate::limits::seldom;
use crate::log::AppendError;
use crate::registry::{Registry, RegistryError};

/// Requests to one registry at once.
const AT_ONCE: usize = 8;

/// A source's registry, and what for.
pub struct SourceApi {
    /// The registry.
    pub registry: Registry,
    /// How long a notification waits for its digest; none: it is not asked for.
    pub resolve: Option<Duration>,
    /// How long the source stays closed for the listing of tags; none: they are not listed.
    pub warm: Option<Duration>,
}

impl SourceApi {
    /// By default. Well inside half a second, the shortest time that a registry waits for its answer.
    pub(crate) const RESOLVE_TIME: Duration = Duration::from_millis(400);
    /// By default.
    pub(crate) const WARM_TIME: Duration = Duration::from_mins(5);

    /// E1: what is not told is asked for. What does not come in time stays untold.
    pub(super) async fn resolve(&self, told: &mut [Part]) {
        let Some(time) = self.resolve else { return };
        let untold = told.iter_mut().filter_map(|told| match &told.notification.action {
            Action::PutTag { tag } => Some((tag.clone(), &mut told.notification)),
            _ => None,
        });
        let all = stream::iter(untold).for_each_concurrent(AT_ONCE, |(tag, notification)| async {
            match self.registry.digest(&notification.repository, &tag).await {
                Ok(digest) => notification.action = Action::Put { digest, tag: Some(tag) },
                Err(error) => seldom!(info, %error, tag, "a digest is not told"),
            }
        });
        if timeout(time, all).await.is_err() {
            seldom!(info, "digests were not told in time");
        }
    }
}

/// Why the tags could not be filled in.
#[derive(Debug, thiserror::Error)]
enum WarmError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the gateway is stopping")]
    Stopped,
}

/// Lists the tags of a source's registry and fills them in, then opens the source. When the time is over it is
/// opened with what is known: some senders give up for good.
pub(super) async fn warm(status: Arc<SourceStatus>, writer: WriterHandle, time: Duration) {
    let source = &status.source;
    let name = source.settings.name.as_str();
    let mut last = None;
    let trying = async {
        let mut pause = Duration::from_secs(1);
        loop {
            match fill_in(source, &writer).await {
                Ok(tags) => {
                    tracing::info!(source = name, tags, "the registry's tags are listed");
                    return;
                }
                Err(WarmError::Stopped) => return,
                Err(error) => {
                    tracing::warn!(source = name, %error, "the registry's tags can't be listed");
                    status.set_warming(true, Some(error.to_string()));
                    last = Some(error.to_string());
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    };
    if timeout(time, trying).await.is_ok() {
        status.set_warming(false, None);
    } else {
        tracing::error!(source = name, "opened without all of the registry's tags");
        status.set_warming(false, Some(last.unwrap_or_else(|| "the listing took too long".into())));
    }
}

async fn fill_in(source: &Arc<Source>, writer: &WriterHandle) -> Result<usize, WarmError> {
    let Some(SourceApi { registry, .. }) = &source.api else { return Ok(0) };
    let mut count = 0;
    let mut next = None;
    loop {
        let page = registry.repositories(next).await?;
        for repository in page.names {
            count += fill_in_repository(source, writer, registry, &repository).await?;
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let written = writer.warmed(Arc::clone(source)).ok_or(WarmError::Stopped)?;
    written.await.map_err(|_| WarmError::Stopped)??;
    Ok(count)
}

async fn fill_in_repository(
    source: &Arc<Source>,
    writer: &WriterHandle,
    registry: &Registry,
    repository: &str,
) -> Result<usize, WarmError> {
    let mut count = 0;
    let mut next = None;
    loop {
        let page = match registry.tags(repository, next).await {
            // The catalog of a registry lists what it once had; a name that can't be is none of ours.
            Err(RegistryError::Status(404) | RegistryError::Name) => return Ok(count),
            page => page?,
        };
        let digests = stream::iter(page.names).map(|tag| async move {
            match registry.digest(repository, &tag).await {
                Ok(digest) => Ok(Some((tag, digest))),
                // Deleted between the two requests, or no tag.
                Err(RegistryError::Status(404) | RegistryError::Name) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let digests: Vec<_> = digests.buffer_unordered(AT_ONCE).collect().await;
        let tags = digests.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        count += tags.len();
        let written = writer.warm(Arc::clone(source), repository.to_owned(), tags);
        written.ok_or(WarmError::Stopped)?.await.map_err(|_| WarmError::Stopped)??;
        next = page.next;
        if next.is_none() {
            return Ok(count);
        }
    }
}
