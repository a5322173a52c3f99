//! A reader that applies events: what it knows of tags must be what the registry has.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

/// One event, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Event {
    event_metadata: Metadata,
    details: Details,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    event_id: String,
    event_type: String,
}

#[derive(Debug, Deserialize)]
struct Details {
    repository_name: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    image_digest: String,
}

#[derive(Deserialize)]
struct Envelope {
    messages: Vec<Event>,
}

/// What the events say, and where they contradict each other.
#[derive(Debug, Default)]
pub struct Mirror {
    /// By repository and tag.
    pub tags: BTreeMap<(String, String), String>,
    /// Images that were announced and not deleted.
    images: HashSet<(String, String)>,
    /// Events that can't follow what came before; the first few in words.
    pub contradictions: Vec<String>,
    /// How many they are.
    pub contradicted: u64,
    /// Ends of tags that showed nothing. A source that has no order may be sure of them all the same:
    /// it told that an image is gone before it told that it came.
    pub unheard_of: u64,
    /// Events by type.
    pub counts: BTreeMap<String, u64>,
}

impl Mirror {
    /// Applies all events of an envelope.
    pub fn apply(&mut self, envelope: &[u8]) {
        match serde_json::from_slice::<Envelope>(envelope) {
            Ok(envelope) => envelope.messages.into_iter().for_each(|event| self.event(event)),
            Err(error) => self.contradict(format!("an envelope can't be read: {error}")),
        }
    }

    fn event(&mut self, event: Event) {
        let Event { event_metadata: Metadata { event_id, event_type }, details } = event;
        let Details { repository_name: repository, tag, image_digest: digest } = details;
        let kind = event_type.rsplit('.').next().unwrap_or_default();
        *self.counts.entry(kind.to_owned()).or_default() += 1;
        let about = format!("{kind} of {repository}:{tag} {digest}");
        let image = (repository.clone(), digest.clone());
        let place = (repository, tag);
        let fits = match kind {
            "CreateImage" => self.images.insert(image),
            "DeleteImage" => {
                // A source may be sure of an image's end that nobody had announced.
                self.images.remove(&image);
                true
            }
            // A source that tells no digests can't say which image a tag shows, nor that it showed one before.
            "CreateImageTag" if digest.is_empty() => {
                self.tags.insert(place, digest);
                true
            }
            "CreateImageTag" => self.images.contains(&image) && self.tags.insert(place, digest).is_none(),
            "DeleteImageTag" => {
                let shown = self.tags.remove(&place);
                self.unheard_of += u64::from(shown.is_none());
                shown.is_none_or(|shown| shown == digest)
            }
            _ => false,
        };
        if !fits {
            self.contradict(format!("{event_id}: {about} does not fit"));
        }
    }

    fn contradict(&mut self, text: String) {
        self.contradicted += 1;
        if self.contradictions.len() < 5 {
            self.contradictions.push(text);
        }
    }

    /// Tags in which this reader and `truth` differ, the first few in words.
    pub fn differences(&self, truth: &BTreeMap<(String, String), String>) -> (usize, Vec<String>) {
        let told = truth.iter().filter(|(place, digest)| self.tags.get(place) != Some(digest));
        let missing = told.map(|(place, digest)| {
            let shown = self.tags.get(place).map_or("nothing", String::as_str);
            format!("{}:{} is {digest}, events say {shown}", place.0, place.1)
        });
        let more = self.tags.keys().filter(|place| !truth.contains_key(*place));
        let all: Vec<_> = missing
            .chain(more.map(|(name, tag)| format!("{name}:{tag} is gone, events say it is there")))
            .collect();
        (all.len(), all.into_iter().take(5).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(events: &[(&str, &str, &str)]) -> Mirror {
        let events: Vec<_> = events
            .iter()
            .map(|(kind, tag, digest)| {
                serde_json::json!({"event_metadata": {"event_id": "crt", "event_type": format!("a.b.{kind}")},
                "details": {"repository_name": "r", "tag": tag, "image_digest": digest, "more": 1}})
            })
            .collect();
        let mut mirror = Mirror::default();
        mirror.apply(serde_json::json!({ "messages": events }).to_string().as_bytes());
        mirror
    }

    fn truth(tags: &[(&str, &str)]) -> BTreeMap<(String, String), String> {
        tags.iter().map(|(tag, digest)| (("r".to_owned(), (*tag).to_owned()), (*digest).to_owned())).collect()
    }

    #[test]
    fn events_that_fit() {
        let mirror = mirror(&[
            ("CreateImage", "v1", "a"),
            ("CreateImageTag", "v1", "a"),
            ("CreateImage", "v1", "b"),
            ("DeleteImageTag", "v1", "a"),
            ("CreateImageTag", "v1", "b"),
            ("DeleteImage", "", "a"),
        ]);
        assert_eq!(mirror.contradicted, 0);
        assert_eq!(mirror.differences(&truth(&[("v1", "b")])).0, 0);
        assert_eq!(mirror.differences(&truth(&[("v1", "a"), ("v2", "b")])).0, 2);
        assert_eq!(mirror.differences(&truth(&[])).0, 1);
    }

    #[test]
    fn the_end_of_what_never_began() {
        let mirror = mirror(&[("DeleteImage", "", "a"), ("DeleteImageTag", "v1", "a")]);
        assert_eq!((mirror.contradicted, mirror.unheard_of), (0, 1));
    }

    #[test]
    fn events_that_contradict() {
        for events in [
            &[("CreateImageTag", "v1", "a")][..],
            &[("CreateImage", "v1", "a"), ("CreateImageTag", "v1", "a"), ("DeleteImageTag", "v1", "b")],
            &[("CreateImage", "v1", "a"), ("CreateImage", "v1", "a")],
            &[("CreateImage", "v1", "a"), ("CreateImageTag", "v1", "a"), ("CreateImageTag", "v1", "a")],
        ] {
            assert_eq!(mirror(events).contradicted, 1, "{events:?}");
        }
    }
}
