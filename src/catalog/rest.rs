//! Charts, pulls and scans, and events of other gateways.

use super::Fact;
use super::digest::Digest;
use super::mark::Mark;
use super::repository::Chart;
use super::stamp::Stamp;
use super::tag_graph::Pointer;
use super::transition::Transition;
use crate::event::EventType;

/// F4: `Pull(d, t)`
pub(super) fn pulled(asked_for: bool, digest: &str, tag: Option<&str>) -> Vec<Fact> {
    as_told(asked_for, EventType::PullImage, digest, tag)
}

/// F4: `Scan(d, t)`
pub(super) fn scanned(asked_for: bool, digest: &str, tag: Option<&str>) -> Vec<Fact> {
    as_told(asked_for, EventType::ScanImage, digest, tag)
}

fn as_told(asked_for: bool, event_type: EventType, digest: &str, tag: Option<&str>) -> Vec<Fact> {
    if !asked_for {
        return Vec::new();
    }
    vec![Fact { event_type, digest: digest.to_owned(), tag: tag.unwrap_or_default().to_owned(), own: true }]
}

impl Transition<'_> {
    /// `PutChart(v, d)`
    pub(super) fn put_chart(&mut self, version: &str, digest: Option<Digest>) {
        let at = self.chart_at(version);
        if self.at.before(at, self.rules) {
            return; // as L5
        }
        let known = self.chart(version).map(|chart| chart.digest.clone());
        // F2: the same digest. One that is not told may be another each time, as in E2.
        if digest.is_none() || known.as_ref() != Some(&digest) {
            self.tell(EventType::CreateChart, digest.as_ref(), version); // F1
        }
        self.keep_chart(version, digest);
    }

    /// `DelChart(v, d)`
    pub(super) fn delete_chart(&mut self, version: &str, digest: Option<Digest>) {
        if self.at.before(self.chart_at(version), self.rules) {
            return; // as L5
        }
        if self.mark(|| Mark::Chart(version.into())).is_none() {
            let known = self.chart(version).and_then(|chart| chart.digest.clone());
            self.tell(EventType::DeleteChart, digest.or(known).as_ref(), version); // F3
        }
        self.drop_chart(version);
    }

    /// F5: an event of another gateway is itself, once; the state follows it.
    pub(super) fn follow(&mut self, event_type: EventType, digest: &str, name: &str) {
        self.repeat(event_type, digest, name);
        let digest = Digest::parse(digest);
        match (event_type, digest) {
            (EventType::CreateChart, digest) if !self.at.before(self.chart_at(name), self.rules) => {
                self.keep_chart(name, digest);
            }
            (EventType::DeleteChart, _) if !self.at.before(self.chart_at(name), self.rules) => {
                self.drop_chart(name);
            }
            (EventType::CreateImage, Some(digest)) => {
                self.announce(&digest, self.image(&digest));
            }
            (EventType::DeleteImage, Some(digest)) => self.follow_delete(&digest),
            (EventType::CreateImageTag, digest) => self.follow_tag(digest.as_ref(), name),
            (EventType::DeleteImageTag, digest) => self.follow_untag(digest.as_ref(), name),
            _ => {}
        }
    }

    fn follow_tag(&mut self, digest: Option<&Digest>, name: &str) {
        let tag = self.tag(name);
        if name.is_empty() || self.at.before(self.named(name, tag), self.rules) {
            return;
        }
        let image = digest.map(|digest| self.announce(digest, self.image(digest)));
        self.set_tag(name, tag, Pointer { image, at: self.at });
    }

    fn follow_untag(&mut self, digest: Option<&Digest>, name: &str) {
        let tag = self.tag(name);
        let shown = tag.and_then(|tag| self.shown(tag).image);
        let other = shown.is_some() && digest.is_some_and(|digest| self.image(digest) != shown);
        if !name.is_empty() && !other && !self.at.before(self.named(name, tag), self.rules) {
            self.clear_tag(name, tag, self.at);
        }
    }

    /// The ends of its tags are still to be told by the other gateway; to us they went with it.
    fn follow_delete(&mut self, digest: &Digest) {
        if let Some(image) = self.image(digest) {
            for (name, tag) in self.tags_of(image) {
                self.clear_tag(&name, Some(tag), self.shown(tag).at);
            }
            self.state.remove_image(self.repository, image);
        }
        self.bury(digest);
    }

    fn chart(&self, version: &str) -> Option<&Chart> {
        self.state.repository(self.repository).charts.get(version)
    }

    fn chart_at(&self, version: &str) -> Stamp {
        match self.chart(version) {
            Some(chart) => chart.at,
            None => self.mark(|| Mark::Chart(version.into())).map_or(Stamp::NEVER, |note| note.at),
        }
    }

    fn keep_chart(&mut self, version: &str, digest: Option<Digest>) {
        self.remove_mark(|| Mark::Chart(version.into()));
        self.state.set_chart(self.repository, version, Some(Chart { digest, at: self.at }));
    }

    fn drop_chart(&mut self, version: &str) {
        self.set_mark(Mark::Chart(version.into()), self.at);
        if self.chart(version).is_some() {
            self.state.set_chart(self.repository, version, None);
        }
    }
}
