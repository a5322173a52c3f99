//! A shorthand for notifications and events, so that a test is one line of the truth table.

use std::ops::Bound;

use crate::catalog::{Catalog, Fact, Limits, RepositoryName, Rules};
use crate::event::{Action, EventType, Notification, Timestamp, Via};

pub(super) const PLACE: RepositoryName<'static> =
    RepositoryName { cloud: "c", registry: "hub.example.com", repository: "team/app" };

/// What tests call now, unless they need another.
pub(super) const NOW: i64 = 1_000_000;

pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// `a` is the digest `sha256:aaaa…`; a longer text is itself.
pub(super) fn digest(letter: &str) -> String {
    if letter == "?" {
        String::new()
    } else if letter.len() == 1 {
        format!("sha256:{}", letter.repeat(64))
    } else {
        letter.to_owned()
    }
}

/// The letter again; `?` for none.
pub(super) fn letter(digest: &str) -> &str {
    if digest.is_empty() { "?" } else { &digest[7..8] }
}

pub(super) fn notification(action: Action) -> Notification {
    Notification {
        id: String::new(),
        repeat: None,
        emitter: String::new(),
        request: String::new(),
        at: None,
        actor: String::new(),
        registry: String::new(),
        repository: PLACE.repository.to_owned(),
        media_type: String::new(),
        size: 0,
        trace: None,
        cut: Vec::new(),
        via: Via::default(),
        action,
    }
}

/// Reads `put a v1 @5 ~e1 #r1`: an input, its time in seconds, its emitter, its request.
pub(super) fn input(text: &str) -> Notification {
    let (mut words, mut at, mut emitter, mut request) = (Vec::new(), None, "", "");
    for word in text.split_whitespace() {
        match word.split_at(1) {
            ("@", seconds) => at = Some(time(seconds.parse().unwrap())),
            ("~", name) => emitter = name,
            ("#", id) => request = id,
            _ => words.push(word),
        }
    }
    let word = |index: usize| words.get(index).copied();
    let owned = |index| word(index).map(str::to_owned);
    let (one, two) = (word(1).unwrap_or_default(), word(2).unwrap_or_default());
    let action = match words[0] {
        "put" => Action::Put { digest: digest(one), tag: owned(2) },
        "puttag" => Action::PutTag { tag: one.to_owned() },
        "deltag" => Action::DeleteTag { tag: one.to_owned(), digest: word(2).map(digest) },
        "del" => Action::Delete { digest: digest(one), tag: owned(2) },
        "delrepo" => Action::DeleteRepository,
        "putchart" => Action::PutChart { version: one.to_owned(), digest: digest(two) },
        "delchart" => Action::DeleteChart { version: one.to_owned(), digest: digest(two) },
        "pull" => Action::Pull { digest: digest(one), tag: owned(2) },
        "scan" => Action::Scan { digest: digest(one), tag: owned(2) },
        "told" => Action::Told {
            event_type: event_type(one),
            digest: digest(two),
            tag: word(3).unwrap_or_default().to_owned(),
        },
        other => panic!("no input {other}"),
    };
    Notification { at, emitter: emitter.to_owned(), request: request.to_owned(), ..notification(action) }
}

const SHORT: [(&str, EventType); 8] = [
    ("CI", EventType::CreateImage),
    ("CT", EventType::CreateImageTag),
    ("DI", EventType::DeleteImage),
    ("DT", EventType::DeleteImageTag),
    ("CC", EventType::CreateChart),
    ("DC", EventType::DeleteChart),
    ("PI", EventType::PullImage),
    ("SI", EventType::ScanImage),
];

fn event_type(short: &str) -> EventType {
    SHORT.iter().find(|(name, _)| *name == short).unwrap().1
}

/// `CI(a,v1)`; an event that is not about the notification's own image has a `*`.
pub(super) fn short(fact: &Fact) -> String {
    let (name, _) = SHORT.iter().find(|(_, event_type)| *event_type == fact.event_type).unwrap();
    let own = if fact.own { "" } else { "*" };
    match (letter(&fact.digest), &*fact.tag) {
        (digest, "") => format!("{name}({digest}){own}"),
        (digest, tag) => format!("{name}({digest},{tag}){own}"),
    }
}

pub(super) fn events(facts: &[Fact]) -> String {
    facts.iter().map(short).collect::<Vec<_>>().join(" ")
}

/// `v1=a v2=?`
pub(super) fn tags(catalog: &Catalog) -> String {
    let Some(view) = catalog.repository(PLACE) else { return String::new() };
    let tags = view.tags_after(None, usize::MAX).into_iter();
    let tags = tags.map(|tag| format!("{}={}", tag.name, letter(&tag.digest.unwrap_or_default())));
    tags.collect::<Vec<_>>().join(" ")
}

/// `ab`: the announced images.
pub(super) fn images(catalog: &Catalog) -> String {
    let Some(number) = catalog.state.find(PLACE) else { return String::new() };
    let table = &catalog.state.repository(number).table;
    let mut letters: Vec<String> =
        table.images().map(|image| letter(&table.digest(image).text()).to_owned()).collect();
    letters.sort();
    letters.concat()
}

/// Everything the catalog holds, but for numbers, which mean nothing.
pub(super) fn snapshot(catalog: &Catalog) -> Vec<String> {
    let store = &catalog.state;
    let mut lines = vec![format!(
        "{} tags, {} images, {} {} {} marks",
        store.tags,
        store.images,
        store.ages[0].len(),
        store.ages[1].len(),
        store.ages[2].len()
    )];
    for (key, number) in store.names.from(Bound::Unbounded) {
        let held = store.repository(number);
        let (table, mut parts) = (&held.table, Vec::new());
        parts.extend(table.tags().map(|tag| {
            let shown = table.shown(tag);
            let digest = shown.image.map(|image| table.digest(image).text());
            format!("tag {} {digest:?} {:?}", table.name(tag), shown.at)
        }));
        parts.extend(table.images().map(|image| {
            let mut tags: Vec<&str> = table.tags_of(image).map(|tag| table.name(tag)).collect();
            tags.sort_unstable();
            format!("image {} {:?} {tags:?}", table.digest(image).text(), table.image_at(image))
        }));
        parts.sort();
        lines.push(format!("{key:?} changed {}", held.changed));
        lines.append(&mut parts);
        lines.extend(held.charts.iter().map(|chart| format!("{chart:?}")));
        lines.extend(held.marks.iter().map(|mark| format!("{mark:?}")));
    }
    lines
}

/// Applies inputs, separated by `;`, and answers with the events of each.
pub(super) fn apply(catalog: &mut Catalog, rules: Rules, inputs: &str) -> Vec<String> {
    let inputs = inputs.split(';').map(str::trim).filter(|text| !text.is_empty());
    inputs.map(|text| events(&catalog.apply(PLACE, rules, &input(text), time(NOW)))).collect()
}

/// One line of the truth table.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) rules: Rules,
    /// What was told before.
    pub(super) before: &'static str,
    pub(super) input: &'static str,
    pub(super) events: &'static str,
    /// Tags and announced images afterwards.
    pub(super) after: (&'static str, &'static str),
}

/// Checks a row, and that it can be taken back.
pub(super) fn check(row: Row) {
    let mut catalog = Catalog::new(Limits::default());
    apply(&mut catalog, row.rules, row.before);
    catalog.settle();
    let before = snapshot(&catalog);
    for _ in 0..2 {
        let told = apply(&mut catalog, row.rules, row.input);
        assert_eq!(told, [row.events], "events of {}", row.name);
        assert_eq!(tags(&catalog), row.after.0, "tags after {}", row.name);
        assert_eq!(images(&catalog), row.after.1, "images after {}", row.name);
        catalog.undo();
        assert_eq!(snapshot(&catalog), before, "{} taken back", row.name);
    }
}
