use std::sync::Weak;

use super::connection::Connections;
use super::trigger::Triggers;

/// Asks who listens to a feed that has changed to come back, until the gateway ends.
pub(crate) async fn renew_feeds(triggers: Weak<Triggers>, connections: Weak<Connections>) {
    let Some(mut changes) = triggers.upgrade().map(|triggers| triggers.changes()) else { return };
    while changes.changed().await.is_ok() {
        let (Some(triggers), Some(connections)) = (triggers.upgrade(), connections.upgrade()) else { return };
        connections.renew_feeds(&triggers.feeds());
    }
}
