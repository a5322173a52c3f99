//! In which order notifications are posted: lanes, repeats, and disorder where the kind has no order.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::simulator::Announcement;

/// What may happen on the way.
#[derive(Clone, Copy, Debug)]
pub struct Disorder {
    /// Posts that come again later, of a thousand.
    pub repeats: u32,
    /// How far notifications of a lane may be out of their order; 0: not at all.
    pub shuffle: usize,
    /// Notifications in one post.
    pub per_post: usize,
}

/// Posts by lane. A repository has one lane, whose posts follow each other: so order is kept where it matters.
pub fn lanes(
    announcements: Vec<Announcement>,
    lanes: usize,
    disorder: Disorder,
    seed: u64,
) -> Vec<Vec<Vec<Announcement>>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut by_lane = vec![Vec::new(); lanes.max(1)];
    for one in announcements {
        let lane = usize::try_from(one.repository).unwrap_or(0) % by_lane.len();
        by_lane[lane].push(one);
    }
    let arrange = |mut announcements: Vec<Announcement>| {
        shuffle(&mut announcements, disorder.shuffle, &mut random);
        let posts: Vec<Vec<Announcement>> =
            announcements.chunks(disorder.per_post.max(1)).map(<[Announcement]>::to_vec).collect();
        repeat(posts, disorder.repeats, &mut random)
    };
    by_lane.into_iter().map(arrange).collect()
}

/// Puts each at most about `distance` places from where it was.
fn shuffle(announcements: &mut [Announcement], distance: usize, random: &mut StdRng) {
    if distance > 0 {
        let keyed = announcements.iter().cloned().enumerate();
        let mut keyed: Vec<_> =
            keyed.map(|(at, one)| (at + random.random_range(0..=distance), one)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        for (slot, (_, one)) in announcements.iter_mut().zip(keyed) {
            *slot = one;
        }
    }
}

/// Lets some come again, at once or some posts later.
fn repeat(posts: Vec<Vec<Announcement>>, of_a_thousand: u32, random: &mut StdRng) -> Vec<Vec<Announcement>> {
    let mut keyed: Vec<(usize, Vec<Announcement>)> = Vec::with_capacity(posts.len());
    for (at, post) in posts.into_iter().enumerate() {
        if random.random_range(0..1000) < of_a_thousand {
            keyed.push((at + random.random_range(0..50), post.clone()));
        }
        keyed.push((at, post));
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, post)| post).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notification::Digest;
    use crate::simulator::Operation;

    fn announcements(count: u64) -> Vec<Announcement> {
        let one = |number| Announcement {
            number,
            request: number,
            repository: number % 7,
            at: 0,
            operation: Operation::PushBlob(Digest(0, number)),
        };
        (0..count).map(one).collect()
    }

    proptest! {
        #[test]
        fn all_come_and_firsts_keep_their_order(
            count in 0u64..300, many in 1usize..5, repeats in 0u32..1000, per_post in 1usize..4, seed in any::<u64>(),
        ) {
            let disorder = Disorder { repeats, shuffle: 0, per_post };
            let mut all = Vec::new();
            for lane in lanes(announcements(count), many, disorder, seed) {
                let mut firsts: Vec<u64> = Vec::new();
                for one in lane.iter().flatten() {
                    if !firsts.contains(&one.number) {
                        firsts.push(one.number);
                    }
                }
                prop_assert!(firsts.is_sorted());
                all.extend(firsts);
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        }

        #[test]
        fn disorder_has_a_bound(count in 1u64..300, shuffle in 0usize..20, seed in any::<u64>()) {
            let disorder = Disorder { repeats: 0, shuffle, per_post: 1 };
            let lane = lanes(announcements(count), 1, disorder, seed).remove(0);
            for (at, one) in lane.iter().flatten().enumerate() {
                let from = usize::try_from(one.number).unwrap();
                prop_assert!(at.abs_diff(from) <= shuffle, "{} at {}", from, at);
            }
        }
    }
}
