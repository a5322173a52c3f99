use std::collections::BTreeMap;

use super::table::Triggers;
use crate::trigger::Feed;

impl Triggers {
    /// Every feed by its name: those of the settings, and those that triggers name. What goes to one feed is one
    /// stream.
    pub(crate) fn feeds(&self) -> BTreeMap<String, Feed> {
        let options = &self.shared().options;
        let own = options.feeds.iter().map(|feed| (feed.name.clone(), feed.clone()));
        let mut feeds: BTreeMap<String, Feed> = own.collect();
        for (name, definition) in self.of_feeds() {
            let part = Feed::of_trigger(&name, &definition);
            let Some(known) = feeds.remove(&name) else {
                feeds.insert(name, part);
                continue;
            };
            let whole = if known.cloud == part.cloud {
                known.clone().join(&part, &options.filters).map_err(|error| error.to_string())
            } else {
                Err("it is another cloud's".to_owned())
            };
            let whole = whole.unwrap_or_else(|why| {
                tracing::warn!(feed = name, trigger = definition.name, why, "a trigger can't join its feed");
                known
            });
            feeds.insert(name, whole);
        }
        feeds
    }
}
