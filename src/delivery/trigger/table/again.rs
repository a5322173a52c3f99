//! What becomes of dead letters: looked at, sent again, purged.

use serde::Serialize;

use super::{TriggerError, Triggers};
use crate::delivery::trigger::attempt::Sender;
use crate::delivery::trigger::dead_letters::DeadLetter;
use crate::delivery::trigger::keys;
use crate::delivery::trigger::store::put;
use crate::event::Timestamp;
use crate::trigger::{Target, Verdict};

/// What came of sending a dead letter again.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Again {
    /// Whether it arrived; then it is no dead letter any more.
    pub delivered: bool,
    /// The status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// The beginning of the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

impl Triggers {
    /// Dead letters outlive their trigger, so only one that is another cloud's hides them.
    fn may_see(&self, name: &str, cloud: Option<&str>) -> Result<(), TriggerError> {
        let entry = self.entries.lock().get(name).cloned();
        match (entry, cloud) {
            (_, None) => Ok(()),
            (Some(entry), Some(cloud)) if entry.written.cloud_id == cloud => Ok(()),
            _ => Err(TriggerError::NotFound),
        }
    }

    /// A page of a trigger's dead letters, oldest first, behind the id `after`; and whether there are more.
    ///
    /// # Errors
    ///
    /// There is no such trigger, or storage fails.
    pub(crate) async fn dead_letters(
        &self,
        name: &str,
        cloud: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, bool), TriggerError> {
        self.may_see(name, cloud)?;
        let mut ids = self.shared.letters.ids(name, after, limit + 1);
        let more = ids.len() > limit;
        ids.truncate(limit);
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            letters.extend(self.letter(name, &id).await?);
        }
        Ok((letters, more))
    }

    async fn letter(&self, name: &str, id: &str) -> Result<Option<DeadLetter>, TriggerError> {
        let row = self.shared.bus.reader().row(keys::DEAD_LETTERS, keys::batch(name, id)).await;
        let row = row.map_err(|error| TriggerError::Storage(error.to_string()))?;
        Ok(row.and_then(|row| serde_json::from_slice(&row).ok()))
    }

    /// One dead letter and its body.
    ///
    /// # Errors
    ///
    /// There is none of that id, or storage fails.
    pub(crate) async fn dead_letter(
        &self,
        name: &str,
        cloud: Option<&str>,
        id: &str,
    ) -> Result<(DeadLetter, Vec<u8>), TriggerError> {
        self.may_see(name, cloud)?;
        let letter = self.letter(name, id).await?.ok_or(TriggerError::NotFound)?;
        let body = self.shared.bus.reader().row(keys::DELIVERIES, keys::body(name, id)).await;
        let body = body.map_err(|error| TriggerError::Storage(error.to_string()))?;
        Ok((letter, body.ok_or(TriggerError::NotFound)?))
    }

    /// Sends a dead letter again, once, with the id and the bytes that it had.
    ///
    /// # Errors
    ///
    /// There is none of that id, its trigger calls no endpoint any more, or storage fails.
    pub(crate) async fn send_again(
        &self,
        name: &str,
        cloud: Option<&str>,
        id: &str,
    ) -> Result<Again, TriggerError> {
        let (mut letter, body) = self.dead_letter(name, cloud, id).await?;
        let entry = self.find(name, cloud)?;
        let Ok(definition) = &entry.definition else {
            return Err(TriggerError::Conflict("its trigger can't be used"));
        };
        let Target::Http(target) = &definition.target else {
            return Err(TriggerError::Conflict("its trigger calls no endpoint any more"));
        };
        if !letter.gap.is_empty() && letter.size == 0 {
            return Err(TriggerError::Conflict("a record of a gap has nothing to send"));
        }
        let mut sender = Sender::new(&self.shared, name, target, None);
        let tried = sender.attempt(&self.shared, &letter.parcel(body.into())).await;
        let delivered = tried.verdict == Verdict::Delivered;
        let failure = tried.failure.as_ref().map(|(code, _)| (*code).to_owned()).unwrap_or_default();
        let changes = if delivered {
            self.shared.letters.remove(name, id)
        } else {
            letter.attempts += 1;
            (letter.status, letter.failure) = (tried.status, failure.clone());
            letter.answer.clone_from(&tried.answer);
            letter.tried_again = Timestamp::now().to_string();
            let row = serde_json::to_vec(&letter).unwrap_or_default();
            vec![put(keys::DEAD_LETTERS, keys::batch(name, id), row)]
        };
        self.shared.count_letters();
        self.save(changes).await?;
        Ok(Again { delivered, status: tried.status, failure, answer: tried.answer })
    }

    /// Lets go of one dead letter, or of all of a trigger; tells how many there were.
    ///
    /// # Errors
    ///
    /// There is none of that id, or storage fails.
    pub(crate) async fn purge(
        &self,
        name: &str,
        cloud: Option<&str>,
        id: Option<&str>,
    ) -> Result<usize, TriggerError> {
        self.may_see(name, cloud)?;
        let ids = match id {
            Some(id) => vec![id.to_owned()],
            None => self.shared.letters.ids(name, "", usize::MAX),
        };
        let changes: Vec<_> = ids.iter().flat_map(|id| self.shared.letters.remove(name, id)).collect();
        if changes.is_empty() && id.is_some() {
            return Err(TriggerError::NotFound);
        }
        self.shared.count_letters();
        self.save(changes).await?;
        Ok(ids.len())
    }
}
