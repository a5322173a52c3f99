use super::Gap;
use crate::event::Offset;

/// How much room for events there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// As much as should be.
    #[default]
    Enough,
    /// Less than should be; events are taken still.
    Scarce,
    /// Too little: events are refused until there is more.
    None,
}

impl Room {
    /// Its name for an operator.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Scarce => "scarce",
            Self::None => "none",
        }
    }
}

/// What an operator should know of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its room.
    pub room: Room,
    /// Events that can't be read any more, though retention has not taken them.
    pub damaged: Vec<Gap>,
    /// Storage lost events that it had confirmed, or could not tell: a new epoch began behind this offset.
    pub truncated: Option<Offset>,
    /// Rows of tables that can't be read any more were left out.
    pub tables: bool,
}

impl Condition {
    /// Whether an operator has something to look after.
    pub fn is_degraded(&self) -> bool {
        !self.reasons().is_empty()
    }

    /// What that is, in a word each.
    pub fn reasons(&self) -> Vec<&'static str> {
        let told = [
            (self.room == Room::None, "storage_low"),
            (!self.damaged.is_empty() || self.tables, "damaged"),
            (self.truncated.is_some(), "log_truncated"),
        ];
        told.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
    }

    /// The known damage that holds this offset.
    pub(super) fn damage_at(&self, offset: Offset) -> Option<Gap> {
        self.damaged.iter().find(|gap| (gap.from..=gap.to).contains(&offset)).copied()
    }

    /// Notes damage, joined with what it touches; whether it is news.
    pub(super) fn note(&mut self, mut found: Gap) -> bool {
        if self.damaged.iter().any(|gap| gap.from <= found.from && found.to <= gap.to) {
            return false;
        }
        self.damaged.retain(|gap| {
            let apart = gap.to + 1 < found.from || found.to + 1 < gap.from;
            if !apart {
                (found.from, found.to) = (found.from.min(gap.from), found.to.max(gap.to));
            }
            apart
        });
        self.damaged.push(found);
        self.damaged.sort_unstable_by_key(|gap| gap.from);
        true
    }

    /// Forgets damage that retention has taken; whether there was some.
    pub(super) fn forget_below(&mut self, oldest: Offset) -> bool {
        let before = self.damaged.len();
        self.damaged.retain(|gap| gap.to >= oldest);
        self.damaged.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::GapReason;

    fn gap(from: Offset, to: Offset) -> Gap {
        Gap { from, to, reason: GapReason::Damaged }
    }

    #[test]
    fn damage_that_touches_is_one() {
        let mut condition = Condition::default();
        assert!(condition.note(gap(5, 6)) && condition.note(gap(9, 9)) && !condition.note(gap(6, 6)));
        assert_eq!(condition.damaged, [gap(5, 6), gap(9, 9)]);
        assert!(condition.note(gap(7, 8)));
        assert_eq!(condition.damaged, [gap(5, 9)]);
        assert_eq!((condition.damage_at(7), condition.damage_at(10)), (Some(gap(5, 9)), None));
        condition.forget_below(9);
        assert!(condition.is_degraded());
        condition.forget_below(10);
        assert!(!condition.is_degraded());
    }
}
