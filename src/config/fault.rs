//! What is wrong with settings, and where.

use std::cell::RefCell;
use std::fmt;

/// Most faults that are told; beyond them their number is.
const TOLD: usize = 100;

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In the settings file, so many bytes from its start; `None`: the file as a whole.
    File(Option<usize>),
    /// In a variable of the environment.
    Variable(&'static str),
    /// In an option of the command line.
    Option(&'static str),
}

/// Something that is wrong. Holds no secret: what stands in a file is told only where it was read as a time, a size or
/// a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    place: Place,
    /// The setting's name; empty for none.
    setting: String,
    why: String,
}

impl Fault {
    /// `setting` is empty where it is no single one.
    pub(crate) fn new(place: Place, setting: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { place, setting: setting.into(), why: why.to_string() }
    }
}

/// Gathers faults while settings are read.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: RefCell<Vec<Fault>>,
    #[cfg(test)]
    pub(super) settings: RefCell<Vec<super::tests::Known>>,
}

impl Report {
    /// Notes a fault, once.
    pub(super) fn note(&self, fault: Fault) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() <= TOLD && !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    /// Nothing, or all faults in the order of their places.
    pub(super) fn end(self, file: Option<&str>, text: &str) -> Result<(), ConfigError> {
        let mut faults = self.faults.into_inner();
        if faults.is_empty() {
            return Ok(());
        }
        faults.sort();
        let is_of_options = faults.iter().all(|fault| matches!(fault.place, Place::Option(_)));
        let lines = faults.iter().map(|fault| line(fault, file, text)).collect();
        Err(ConfigError { lines, is_of_options })
    }
}

/// Why settings can't be used: each fault in a line, with its place.
#[derive(Clone, Debug)]
pub struct ConfigError {
    lines: Vec<String>,
    is_of_options: bool,
}

impl ConfigError {
    /// Whether all faults are of the command line.
    pub(crate) fn is_of_options(&self) -> bool {
        self.is_of_options
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.lines.len().min(TOLD);
        match self.lines.len() {
            1 => {}
            all if all > told => writeln!(f, "more than {told} faults in the settings, of which the first:")?,
            all => writeln!(f, "{all} faults in the settings:")?,
        }
        f.write_str(&self.lines[..told].join("\n"))
    }
}

/// `tagcast.toml:3:8: log.max_age: …`
fn line(fault: &Fault, file: Option<&str>, text: &str) -> String {
    let place = match (&fault.place, file) {
        (Place::Variable(name) | Place::Option(name), _) => (*name).to_owned(),
        (Place::File(None), file) => file.unwrap_or("the settings").to_owned(),
        (Place::File(Some(bytes)), file) => {
            let before = text.get(..*bytes).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let file = file.map(|file| format!("{file}:")).unwrap_or_default();
            format!("{file}{line}:{column}")
        }
    };
    let setting = if fault.setting.is_empty() { String::new() } else { format!("{}: ", fault.setting) };
    format!("{place}: {setting}{}", fault.why)
}
