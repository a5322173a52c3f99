use std::sync::Arc;

use crate::filter::{Account, Filter, SearchBudget};
use crate::limits::{Allowance, Busy};
use crate::log::{ReadError, Record};

/// Events that are matched in one go, where matching takes time: milliseconds at most.
const GO: usize = 128;
/// Bytes that a filter may search for one page or check.
const PAGE: u64 = 64 << 20;

/// A filter that runs over events of the past, away from those who must answer at once. It goes in the order in which it
/// is shown them.
pub(crate) struct Search {
    filter: Filter,
    allowance: Arc<Allowance>,
    account: Arc<Account>,
    /// Events so far.
    seen: u64,
    /// Whether it lets those before it go first, without an end to its patience.
    patient: bool,
}

/// Which of some events match.
pub(crate) struct Matches {
    /// One for each event that was matched.
    pub(crate) wanted: Vec<bool>,
    /// The filter has searched as much as it may: later events were not matched.
    pub(crate) is_over: bool,
}

impl Search {
    /// For one page or check; `allowance`: of who asks, and who has a turn.
    pub(crate) fn of_page(filter: &Filter, allowance: &Arc<Allowance>) -> Self {
        let account = Account::new(SearchBudget { per_event: 0, burst: PAGE });
        Self::new(filter, allowance, account, false)
    }

    /// For one that goes on for as long as there are events, and pays for each.
    pub(crate) fn of_replay(filter: &Filter, allowance: &Arc<Allowance>) -> Self {
        Self::new(filter, allowance, allowance.account().fresh(), true)
    }

    fn new(filter: &Filter, allowance: &Arc<Allowance>, account: Account, patient: bool) -> Self {
        let (filter, allowance) = (filter.clone(), Arc::clone(allowance));
        Self { filter, allowance, account: Arc::new(account), seen: 0, patient }
    }

    /// Matches the next events.
    pub(crate) async fn matches(&mut self, records: &[Arc<Record>]) -> Result<Matches, ReadError> {
        if !self.filter.searches() {
            let wanted = records.iter().map(|record| self.filter.matches(&record.attributes)).collect();
            return Ok(Matches { wanted, is_over: false });
        }
        let mut found = Matches { wanted: Vec::with_capacity(records.len()), is_over: false };
        for records in records.chunks(GO) {
            let go = self.go(records).await.map_err(|busy| ReadError(busy.to_string()))?;
            found.wanted.extend(go.wanted);
            if go.is_over {
                found.is_over = true;
                break;
            }
        }
        Ok(found)
    }

    async fn go(&mut self, records: &[Arc<Record>]) -> Result<Matches, Busy> {
        let _turn = if self.patient { Some(self.allowance.patient_turn().await?) } else { None };
        let (filter, account, records) = (self.filter.clone(), Arc::clone(&self.account), records.to_vec());
        let first = self.seen + 1;
        self.seen += records.len() as u64;
        let job = move || {
            let each = (first..).zip(&records);
            let wanted: Vec<_> = each
                .map_while(|(number, record)| filter.matches_on(&record.attributes, &account, number))
                .collect();
            Matches { is_over: wanted.len() < records.len(), wanted }
        };
        self.allowance.compute(job).await
    }
}
