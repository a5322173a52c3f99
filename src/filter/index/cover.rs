//! Chooses the keys of a filter. An event that passes the filter carries at least one of them.
//!
//! One part of a conjunction is enough, so the cheapest is taken; a disjunction needs keys for every part. Negations,
//! `contains`, ints and types have no keys.

use super::key::{Kind, hash, longest, pair, single};
use super::table::Table;
use crate::event::Field;
use crate::filter::canon::Canon;
use crate::filter::condition::{Condition, Test};

/// Most keys of one filter.
pub(super) const MOST_KEYS: usize = 256;
/// Most pairs of values to try.
const MOST_PAIRS: usize = 64;
/// What another key costs, in filters run per event.
const PER_KEY: f64 = 5e-5;

/// Keys of a filter or part, and about how often an event makes it run.
pub(super) struct Cover {
    pub(super) keys: Vec<(Kind, u64)>,
    cost: f64,
}

/// What a value must be, begin with or end with.
#[derive(Clone, Copy)]
enum Atom<'c> {
    Exact(&'c str),
    Prefix(&'c str),
    Suffix(&'c str),
}

/// Atoms of one field: if the field's part is true, one of them is.
struct Offer<'c> {
    field: Field,
    atoms: Vec<Atom<'c>>,
}

/// A way to cover a conjunction.
enum Way<'c, 'o> {
    /// One field by itself.
    Alone(&'o Offer<'c>),
    /// The repository together with another field.
    Paired(&'o Offer<'c>, &'o Offer<'c>),
    /// A part that has parts.
    Group(&'c Canon),
}

/// Finds covers for the filters of one scope.
pub(super) struct Coverer<'t> {
    /// The seed of the hashes of values.
    pub(super) seed: u64,
    /// The scope's seed.
    pub(super) scope: u64,
    /// The filters that are under each key already.
    pub(super) table: &'t Table,
    /// Whether to take the fewest keys, whatever they cost.
    pub(super) fewest: bool,
}

impl Coverer<'_> {
    /// The cheapest cover of parts that must all hold, or the one with the fewest keys if the cheapest has too many.
    pub(super) fn cover(&self, parts: &[&Canon]) -> Option<Vec<(Kind, u64)>> {
        let cover = self.all(parts).or_else(|| Self { fewest: true, ..*self }.all(parts));
        cover.map(|cover| cover.keys)
    }

    fn all(&self, parts: &[&Canon]) -> Option<Cover> {
        let offers: Vec<Offer> = parts.iter().filter_map(|part| Offer::of(part)).collect();
        let mut ways: Vec<(f64, Way)> = Vec::new();
        for offer in &offers {
            let kinds = offer.atoms.iter().map(|atom| kind(offer.field, *atom));
            ways.push((self.floor(kinds), Way::Alone(offer)));
        }
        for repository in offers.iter().filter(|offer| offer.is_repository()) {
            for second in offers.iter().filter(|second| second.goes_with(repository)) {
                let kinds = second.atoms.iter().map(|atom| paired_kind(second.field, *atom));
                let floor = self.floor(kinds) * small(repository.atoms.len());
                ways.push((floor, Way::Paired(repository, second)));
            }
        }
        let is_group =
            |part: &Canon| matches!(part, Canon::All(_) | Canon::Any(_)) && Offer::of(part).is_none();
        let groups = parts.iter().filter(|part| is_group(part));
        ways.extend(groups.map(|part| (0.0, Way::Group(part))));
        ways.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best: Option<Cover> = None;
        for (floor, way) in &ways {
            // A way that can't be cheaper is not worth its lookups.
            if best.as_ref().is_none_or(|best| *floor < best.cost) {
                let cover = self.way(way);
                best = match (best, cover) {
                    (Some(best), Some(cover)) if cover.cost < best.cost => Some(cover),
                    (best, cover) => best.or(cover),
                };
            }
        }
        best
    }

    fn way(&self, way: &Way) -> Option<Cover> {
        match way {
            Way::Alone(offer) => {
                let kinds = offer.atoms.iter().map(|atom| (kind(offer.field, *atom), *atom));
                self.sum(kinds.map(|(kind, atom)| {
                    (kind, single(kind.salt(self.scope), hash(text(kind, atom), self.seed)))
                }))
            }
            Way::Paired(repository, second) => self.sum(repository.atoms.iter().flat_map(|name| {
                let name = hash(whole(*name), self.seed);
                second.atoms.iter().map(move |atom| {
                    let kind = paired_kind(second.field, *atom);
                    (kind, pair(kind.salt(self.scope), name, hash(text(kind, *atom), self.seed)))
                })
            })),
            Way::Group(part) => self.part(part),
        }
    }

    /// The cheapest cover of one part. As deep as the filter, which is bounded.
    fn part(&self, part: &Canon) -> Option<Cover> {
        match part {
            Canon::Constant(_) => None,
            // A condition is no group, so this goes no deeper.
            Canon::Condition(_) => self.all(&[part]),
            Canon::All(parts) => self.all(&parts.iter().collect::<Vec<_>>()),
            Canon::Any(parts) => {
                let mut keys = Vec::new();
                for part in parts {
                    keys.extend(self.part(part)?.keys);
                    if keys.len() > 2 * MOST_KEYS {
                        return None;
                    }
                }
                self.sum(keys.into_iter())
            }
        }
    }

    fn sum(&self, keys: impl Iterator<Item = (Kind, u64)>) -> Option<Cover> {
        let mut keys: Vec<(Kind, u64)> = keys.collect();
        // Texts with one beginning share its key.
        keys.sort_unstable_by_key(|(_, key)| *key);
        keys.dedup_by_key(|(_, key)| *key);
        if keys.len() > MOST_KEYS {
            return None;
        }
        let of_one =
            |(kind, key): &(Kind, u64)| weight(*kind) * (1.0 + f64::from(self.table.count(*key))) + PER_KEY;
        let cost = if self.fewest { small(keys.len()) } else { keys.iter().map(of_one).sum() };
        Some(Cover { keys, cost })
    }

    /// The least that a cover costs: as if there were no filters under its keys.
    fn floor(&self, kinds: impl Iterator<Item = Kind>) -> f64 {
        kinds.map(|kind| if self.fewest { 0.0 } else { weight(kind) + PER_KEY }).sum()
    }
}

impl<'c> Offer<'c> {
    /// What a part offers: a condition, or several on one field of which one must hold.
    fn of(part: &'c Canon) -> Option<Self> {
        match part {
            Canon::Condition(condition) => {
                let mut atoms = Vec::new();
                let field = add_atoms(condition, &mut atoms)?;
                Some(Self { field, atoms })
            }
            Canon::Any(parts) => {
                let mut atoms = Vec::new();
                let mut field = None;
                for part in parts {
                    let Canon::Condition(condition) = part else { return None };
                    let this = add_atoms(condition, &mut atoms)?;
                    if *field.get_or_insert(this) != this {
                        return None;
                    }
                }
                Some(Self { field: field?, atoms })
            }
            _ => None,
        }
    }

    fn is_repository(&self) -> bool {
        self.field == Field::Repository && self.atoms.iter().all(|atom| matches!(atom, Atom::Exact(_)))
    }

    fn goes_with(&self, repository: &Self) -> bool {
        let pairs = match self.field {
            Field::Tag => true,
            Field::Actor => self.atoms.iter().all(|atom| matches!(atom, Atom::Exact(_))),
            _ => false,
        };
        pairs && self.atoms.len() * repository.atoms.len() <= MOST_PAIRS
    }
}

fn add_atoms<'c>(condition: &'c Condition, atoms: &mut Vec<Atom<'c>>) -> Option<Field> {
    let field = condition.name.field()?;
    match &condition.test {
        Test::Set { negated: false, texts } => atoms.extend(texts.iter().map(|text| Atom::Exact(text))),
        Test::Prefix { negated: false, text } => atoms.push(Atom::Prefix(text)),
        Test::Suffix { negated: false, text } => atoms.push(Atom::Suffix(text)),
        Test::Pattern { negated: false, pattern } => {
            let begins = (!pattern.prefix().is_empty()).then(|| Atom::Prefix(pattern.prefix()));
            let ends = (!pattern.suffix().is_empty()).then(|| Atom::Suffix(pattern.suffix()));
            atoms.push(begins.or(ends)?);
        }
        _ => return None,
    }
    Some(field)
}

/// A prefix or suffix is never empty, so there is a length for it.
fn kind(field: Field, atom: Atom<'_>) -> Kind {
    match atom {
        Atom::Exact(_) => Kind::Exact(field),
        Atom::Prefix(text) => Kind::Prefix(field, longest(text).unwrap_or(0)),
        Atom::Suffix(text) => Kind::Suffix(field, longest(text).unwrap_or(0)),
    }
}

fn paired_kind(field: Field, atom: Atom<'_>) -> Kind {
    match kind(field, atom) {
        Kind::Prefix(_, length) => Kind::TagPrefix(length),
        Kind::Suffix(_, length) => Kind::TagSuffix(length),
        _ if field == Field::Actor => Kind::Actor,
        _ => Kind::Tag,
    }
}

fn whole(atom: Atom<'_>) -> &[u8] {
    match atom {
        Atom::Exact(text) | Atom::Prefix(text) | Atom::Suffix(text) => text.as_bytes(),
    }
}

/// What is hashed of an atom: all of it, or as much as the kind's length.
fn text(kind: Kind, atom: Atom<'_>) -> &[u8] {
    let text = whole(atom);
    match kind {
        Kind::Prefix(_, place) | Kind::TagPrefix(place) => &text[..super::key::length(place)],
        Kind::Suffix(_, place) | Kind::TagSuffix(place) => &text[text.len() - super::key::length(place)..],
        _ => text,
    }
}

/// About the share of events that carry one such key.
fn weight(kind: Kind) -> f64 {
    match kind {
        Kind::Type | Kind::Exact(Field::MediaType) => 0.25,
        Kind::Exact(Field::Digest | Field::ImageId) | Kind::Tag => 1e-6,
        Kind::Exact(Field::Repository) => 1e-4,
        Kind::Exact(Field::Actor) => 1e-3,
        Kind::Exact(Field::Tag) => 1e-2,
        Kind::Exact(Field::Registry | Field::Cloud | Field::Folder | Field::Source) => 0.1,
        // More events have a shorter text; no part is rarer than a whole value.
        Kind::Prefix(field, place) | Kind::Suffix(field, place) => {
            weight(Kind::Exact(field)).max(0.2 * 0.5_f64.powi(i32::from(place)))
        }
        Kind::Actor => 1e-5,
        Kind::TagPrefix(place) => 1e-4 * weight(Kind::Prefix(Field::Tag, place)),
        Kind::TagSuffix(place) => 1e-4 * weight(Kind::Suffix(Field::Tag, place)),
    }
}

fn small(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
