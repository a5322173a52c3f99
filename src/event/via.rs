use super::Epoch;

/// The gateways that an event passed through before this one, the first one first: by the lives of their logs, which are
/// as good as names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Via(Vec<Epoch>);

impl Via {
    /// Gateways at most; an event that passed through more is probably going round.
    pub(crate) const MOST: usize = 8;

    /// The gateways of these names. What is no name is passed over.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut via = Self::default();
        let gateways = names.into_iter().filter_map(|name| {
            let is_name = name.len() == 8 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            is_name.then(|| Epoch::from_str_radix(name, 16).ok())?
        });
        gateways.for_each(|gateway| via.add(gateway));
        via
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|gateway| format!("{gateway:08x}")).collect()
    }

    /// Adds one behind the others. Of those over the bound only the first is kept, which shows that there are more.
    pub(crate) fn add(&mut self, gateway: Epoch) {
        if self.0.len() <= Self::MOST && !self.contains(gateway) {
            self.0.push(gateway);
        }
    }

    /// Adds those of another way.
    pub(crate) fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|gateway| self.add(*gateway));
    }

    /// Leaves those that another way has too.
    pub(crate) fn meet(&mut self, other: &Self) {
        self.0.retain(|gateway| other.contains(*gateway));
    }

    /// Whether this gateway is among them.
    pub(crate) fn contains(&self, gateway: Epoch) -> bool {
        self.0.contains(&gateway)
    }

    /// Whether it came here at once.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it passed through more than there may be.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_others_are_passed_over() {
        let via = Via::of_names(["0000002a", "x", "", "2A", "0000002A", "ffffffff", "+000002a", "0000002a"]);
        assert_eq!(via.names(), ["0000002a", "ffffffff"]);
        assert!(via.contains(42) && !via.contains(43) && !via.is_empty());
        let (mut joined, mut met) = (Via::of_names(["00000001"]), via.clone());
        joined.join(&via);
        assert_eq!(joined.names(), ["00000001", "0000002a", "ffffffff"]);
        met.meet(&Via::of_names(["ffffffff", "00000001"]));
        assert_eq!(met.names(), ["ffffffff"]);
    }

    #[test]
    fn a_way_has_an_end() {
        for (gateways, too_long) in [(7, false), (8, false), (9, true), (99, true)] {
            let mut via = Via::default();
            (0..gateways).for_each(|gateway| via.add(gateway));
            assert_eq!(via.is_too_long(), too_long, "{gateways}");
            assert!(via.names().len() <= Via::MOST + 1);
        }
    }
}
