use std::path::Path;

use serde::Deserialize;

use super::quantity::{Size, Span};
use super::section::Section;
use crate::event::Epoch;
use crate::log::{DiskOptions, FreeSpace, OnDamage, SpaceLimits};

/// Segments that one log may have: each takes files and memory of its own.
const MOST_SEGMENTS: u64 = 10_000;

/// `[log]`
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    /// Its home.
    pub(crate) store: Store,
    /// Newest events kept in memory.
    pub(crate) memory: Size,
    /// Retention by age.
    pub(crate) max_age: Span,
    /// Retention by size.
    pub(crate) max_size: Size,
    /// Size of a segment.
    segment: Size,
    /// What damage leads to.
    on_damage: OnDamage,
    /// Time between checks of the whole log.
    pub(crate) scrub: Span,
    /// Bytes a second that a check reads at most.
    pub(crate) scrub_rate: Size,
}

/// Home of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Store {
    /// In the data directory.
    Disk,
    /// In memory: nothing survives.
    Memory,
}

impl Store {
    /// Its name in the settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

impl LogConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let log = Self {
            store: section.one_of("store").unwrap_or(Store::Disk),
            memory: section.within("memory", Size::kib(1)..=Size::MEMORY),
            max_age: section.within("max_age", Span::seconds(1)..=Span::CENTURY),
            max_size: section.within("max_size", Size::kib(1)..=Size::DISK),
            segment: section.within("segment", Size::kib(1)..=Size::MEMORY),
            on_damage: section.one_of("on_damage").unwrap_or_default(),
            scrub: section.within("scrub", Span::seconds(1)..=Span::CENTURY),
            scrub_rate: section.within("scrub_rate", Size::kib(1)..=Size::MEMORY),
        };
        log.check(section);
        log
    }

    fn check(&self, section: &Section<'_>) {
        let Self { max_size, segment, .. } = self;
        let segments = max_size.0 / segment.0;
        let key = if section.has("segment") { "segment" } else { "max_size" };
        if self.store == Store::Memory {
            // It has none.
        } else if segments == 0 {
            section.note(
                key,
                format_args!(
                    "log.max_size ({max_size}) must be at least log.segment ({segment}): whole segments go"
                ),
            );
        } else if segments > MOST_SEGMENTS {
            section.note(
                key,
                format_args!(
                    "log.max_size ({max_size}) would be {segments} segments of log.segment ({segment}), and \
                     {MOST_SEGMENTS} are the most: take larger ones"
                ),
            );
        }
    }

    pub(crate) fn disk(&self, dir: &Path, new_epoch: Epoch, space: &SpaceConfig) -> DiskOptions {
        DiskOptions {
            dir: dir.to_owned(),
            memory: self.memory.bytes(),
            segment_bytes: self.segment.0,
            max_age: self.max_age.0,
            max_bytes: self.max_size.0,
            new_epoch,
            space: space.0,
            on_damage: self.on_damage,
            tables_open: DiskOptions::TABLES_OPEN,
        }
    }
}

/// `[space]`: free space on the disk.
#[derive(Clone, Debug)]
pub(crate) struct SpaceConfig(SpaceLimits);

impl SpaceConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut free = |bytes, percent| FreeSpace {
            bytes: section.within(bytes, Size(0)..=Size::DISK).0,
            percent: section.within(percent, 0..=100),
        };
        let limits = SpaceLimits {
            warn: free("warn", "warn_percent"),
            refuse: free("refuse", "refuse_percent"),
            resume: free("resume", "resume_percent"),
            reserve: section.within("reserve", Size(0)..=Size::MEMORY).0,
        };
        let (refuse, resume) = (&limits.refuse, &limits.resume);
        if refuse.bytes > resume.bytes {
            let key = if section.has("resume") { "resume" } else { "refuse" };
            let (refuse, resume) = (Size(refuse.bytes), Size(resume.bytes));
            section
                .note(key, format_args!("space.resume ({resume}) must be at least space.refuse ({refuse})"));
        }
        if refuse.percent > resume.percent {
            let key = if section.has("resume_percent") { "resume_percent" } else { "refuse_percent" };
            let (refuse, resume) = (refuse.percent, resume.percent);
            section.note(
                key,
                format_args!(
                    "space.resume_percent ({resume}) must be at least space.refuse_percent ({refuse})"
                ),
            );
        }
        Self(limits)
    }
}
