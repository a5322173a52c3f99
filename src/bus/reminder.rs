use std::collections::HashMap;
use std::sync::Arc;

use super::engine::Engine;
use super::{Content, Delivery, Subscription};

/// So many are told at once; between them the engine looks at what came.
pub(super) const TOGETHER: usize = 64;

impl Engine {
    /// Tells each subscription where it stands. It only helps: who has no room hears of it by what waits.
    pub(super) fn remind(&self, subscriptions: &[Arc<Subscription>]) {
        let bounds = self.bus.reader.bounds();
        // Members that stand at the same place share the bytes.
        let mut made = HashMap::new();
        for subscription in subscriptions {
            let Some((id, group, slot)) = self.groups.of(subscription) else {
                subscription.repeat_position(bounds);
                continue;
            };
            let Some(reached) = group.reached(slot, self.cursor) else { continue };
            let delivery = made
                .entry((id, reached))
                .or_insert_with(|| Delivery::new(&group.spec, Content::Position(bounds.at(reached))));
            let _ = subscription.offer(delivery);
        }
    }
}
