use std::ops::Deref;

/// State that changes in steps, each of which can be taken back.
pub(crate) trait Reversible {
    /// One change of it.
    type Step;

    /// Takes a step, and answers with the step that takes it back.
    fn apply(&mut self, step: Self::Step) -> Self::Step;
}

/// State that goes ahead of what is durable: it changes at once, and is put back as it was if the commit fails.
#[derive(Debug)]
pub(crate) struct Ledger<T: Reversible> {
    state: T,
    /// What takes back each step since the last commit, in the order in which they were taken.
    back: Vec<T::Step>,
}

impl<T: Reversible> Ledger<T> {
    /// A ledger of state that is durable.
    pub(crate) const fn new(state: T) -> Self {
        Self { state, back: Vec::new() }
    }

    /// Takes a step, and answers with the one that takes it back.
    pub(crate) fn apply(&mut self, step: T::Step) -> &T::Step {
        let back = self.state.apply(step);
        self.back.push_mut(back)
    }

    /// What would take back the steps since the last commit, in the order in which they were taken. It tells what
    /// has to be written.
    pub(crate) fn pending(&self) -> &[T::Step] {
        &self.back
    }

    /// Says that all steps are durable.
    pub(crate) fn settle(&mut self) {
        self.back.clear();
    }

    /// Says that the steps since the last commit are lost: the state is as it was then.
    pub(crate) fn undo(&mut self) {
        while let Some(step) = self.back.pop() {
            self.state.apply(step);
        }
    }
}

impl<T: Reversible + Default> Default for Ledger<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// It can be read freely; only steps change it.
impl<T: Reversible> Deref for Ledger<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Keys and their values; a step sets one.
    type Model = BTreeMap<u8, u8>;

    impl Reversible for Model {
        type Step = (u8, Option<u8>);

        fn apply(&mut self, (key, value): Self::Step) -> Self::Step {
            let before = match value {
                Some(value) => self.insert(key, value),
                None => self.remove(&key),
            };
            (key, before)
        }
    }

    proptest! {
        /// Few keys, so that steps meet: set, set again, removed and set in one commit.
        #[test]
        fn a_commit_holds_or_leaves_no_trace(
            commits in vec((vec((0..6_u8, prop::option::of(any::<u8>())), 0..12), any::<bool>()), 0..8),
        ) {
            let mut ledger = Ledger::<Model>::default();
            let mut durable = Model::new();
            for (steps, holds) in commits {
                let mut ahead = durable.clone();
                for step in &steps {
                    ahead.apply(*step);
                    ledger.apply(*step);
                }
                prop_assert_eq!(&*ledger, &ahead);
                prop_assert_eq!(ledger.pending().len(), steps.len());
                if holds {
                    ledger.settle();
                    durable = ahead;
                } else {
                    ledger.undo();
                }
                prop_assert_eq!(&*ledger, &durable);
                prop_assert!(ledger.pending().is_empty());
            }
        }
    }
}
