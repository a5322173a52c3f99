//! Every time, size and number of the settings at its bounds, one below and one beyond; and what the docs say of them.

use std::cell::RefCell;

use toml::de::DeTable;

use super::super::{Config, DEFAULT, Given, Report};

/// A setting with bounds.
#[derive(Clone, Debug)]
pub(in crate::config) struct Known {
    pub(in crate::config) name: String,
    /// As the manual has it.
    pub(in crate::config) default: Option<String>,
    pub(in crate::config) least: String,
    pub(in crate::config) most: String,
    /// A bit less and a bit more, as they are written in a file.
    pub(in crate::config) below: String,
    pub(in crate::config) above: String,
}

/// A settings file that has an entry of each sort.
const ENTRIES: &str =
    "[[sources]]\nname = 'a'\nkind = 'distribution'\n[sources.api]\nurl = 'https://a.example'\n";

/// All settings with bounds.
fn known() -> Vec<Known> {
    let report = Report::default();
    Config::read(Some(ENTRIES), &Given::default(), &report);
    let known = std::mem::take(&mut *RefCell::borrow_mut(&report.settings));
    report.end(None, ENTRIES).unwrap();
    known
}

/// What is said of one setting of a file that has it alone.
fn told(name: &str, value: &str) -> Vec<String> {
    let (table, key) = name.rsplit_once('.').unwrap();
    let text = match table {
        "sources" => format!("[[sources]]\nname = 'a'\nkind = 'distribution'\n{key} = {value}"),
        "sources.api" => format!("{ENTRIES}{key} = {value}"),
        _ => format!("[{table}]\n{key} = {value}"),
    };
    let line = text.lines().count();
    let at = format!("{line}:{}: ", key.len() + 4);
    let faults = super::faults(&text).into_iter();
    faults.filter_map(|fault| fault.strip_prefix(&at).map(str::to_owned)).collect()
}

#[test]
fn each_bound_holds() {
    let known = known();
    assert!(known.len() > 60, "{}", known.len());
    for Known { name, least, most, below, above, .. } in known {
        let rule = format!("must be from {least} to {most}, and is ");
        let is_refused = |value: &str| told(&name, value).iter().any(|why| why.contains(&rule));
        let quoted = |value: &str| match value.parse::<u64>() {
            Ok(number) => number.to_string(),
            Err(_) => format!("'{value}'"),
        };
        for (value, refused) in
            [(below, true), (quoted(&least), false), (quoted(&most), false), (above, true)]
        {
            // No time is below none.
            if !(value == "-1" && least == "0s") {
                assert_eq!(is_refused(&value), refused, "{name} = {value}: {:?}", told(&name, &value));
            }
        }
    }
}

/// The table "Bounds" of the operator's page: a row for each setting.
#[test]
fn the_docs_tell_each_bound() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let table = page.split_once("### Bounds of settings").unwrap().1.split_once("\n#").unwrap().0;
    let row =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut told: Vec<_> =
        table.lines().filter(|line| line.starts_with("| `")).map(row).filter(|row| row.len() == 3).collect();
    let rows =
        known().into_iter().map(|Known { name, least, most, .. }| vec![format!("`{name}`"), least, most]);
    let mut rows: Vec<_> = rows.collect();
    told.sort();
    rows.sort();
    let text = |rows: &[Vec<String>]| {
        rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect::<Vec<_>>().concat()
    };
    assert_eq!(text(&told), text(&rows), "what should stand there:\n{}", text(&rows));
}

/// What is read is in the manual, and the other way round.
#[test]
fn the_manual_has_each_setting() {
    let manual = DeTable::parse(DEFAULT).unwrap().into_inner();
    for Known { name, default, .. } in known().into_iter().filter(|known| !known.name.starts_with("sources."))
    {
        let (table, key) = name.split_once('.').unwrap();
        let value = manual.get(table).and_then(|table| table.get_ref().get(key));
        assert!(value.is_some() && default.is_some(), "{name}");
    }
}
