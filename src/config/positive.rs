use super::{Config, SettingError};

impl Config {
    /// Checks that nothing which the gateway can't work without is 0.
    pub(super) fn check_positive(&self) -> Result<(), SettingError> {
        let Self { log, ingest, http, connections, filters, .. } = self;
        let times = [
            ("log.max_age", log.max_age),
            ("log.scrub", log.scrub),
            ("ingest.ack_deadline", ingest.ack_deadline),
            ("http.body_time", http.body_time),
            ("http.answer_time", http.answer_time),
            ("http.header_time", http.header_time),
            ("http.idle_time", http.idle_time),
            ("connections.write_stall", connections.write_stall),
            ("connections.ping", connections.ping),
            ("connections.pong", connections.pong),
            ("connections.lifetime", connections.lifetime),
        ];
        let sizes = [
            ("log.memory", log.memory),
            ("log.max_size", log.max_size),
            ("log.segment", log.segment),
            ("log.scrub_rate", log.scrub_rate),
            ("http.body", http.body),
            ("connections.message", connections.message),
            ("connections.outbox", connections.outbox),
            ("connections.outboxes", connections.outboxes),
        ];
        let counts = [
            ("connections.total", connections.total),
            ("connections.per_address", connections.per_address),
            ("filters.text", filters.text),
        ];
        let times = times.map(|(name, time)| (name, time.0.is_zero()));
        let sizes = sizes.map(|(name, size)| (name, size.0 == 0));
        let counts = counts.map(|(name, count)| (name, count == 0));
        let mut all = times.into_iter().chain(sizes).chain(counts);
        all.find(|(_, is_zero)| *is_zero).map_or(Ok(()), |(name, _)| Err(SettingError::Zero(name)))
    }
}
