//! What is given beside the file: options of the command line and variables of the environment.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeArray, DeValue};

use super::fault::{Fault, Place, Report};
use super::section::Override;
use super::{exposure, suggest};

/// Every variable that the program reads.
const VARIABLES: [&str; 7] = [
    "TAGCAST_LISTEN",
    "TAGCAST_DATA_DIR",
    "TAGCAST_CONFIG",
    "TAGCAST_LOG",
    "TAGCAST_URL",
    "TAGCAST_TOKEN",
    "TAGCAST_SIGNING_SECRET",
];

const PREFIX: &str = "TAGCAST_";

/// A file, and what comes before it.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The settings file.
    pub(super) file: Option<PathBuf>,
    /// Where the log lives, if the file is not to say it: a path may be no text.
    pub(super) data_dir: Option<PathBuf>,
    /// What else comes before the file: lists, each with its setting's name and where it was given.
    lists: Vec<(&'static str, Place, Vec<String>)>,
    /// What is wrong beside the settings.
    pub(super) faults: Vec<Fault>,
}

/// An option of the command line by its name, and what it says.
pub(crate) type Argument<'a> = (&'static str, Option<&'a OsStr>);

impl Given {
    /// Takes a list of an option, or else of a variable, with commas between.
    pub(crate) fn take_list(&mut self, setting: &'static str, option: Argument<'_>, variable: &'static str) {
        if let Some((place, text)) = self.text(option, variable) {
            self.lists.push((setting, place, text.split(',').map(|item| item.trim().to_owned()).collect()));
        }
    }

    /// Puts a list there that comes before all else.
    pub(crate) fn put(&mut self, setting: &'static str, variable: &'static str, list: Vec<String>) {
        self.lists.insert(0, (setting, Place::Variable(variable), list));
    }

    /// Takes where the log lives.
    pub(crate) fn take_data_dir(&mut self, option: Argument<'_>, variable: &'static str) {
        self.data_dir = self.either(option, variable).map(|(_, path)| path.into());
    }

    /// Takes the file.
    pub(crate) fn take_file(&mut self, option: Argument<'_>, variable: &'static str) {
        self.file = self.either(option, variable).map(|(_, path)| path.into());
    }

    /// What an option says, or else a variable, and which of them did.
    pub(crate) fn text(&mut self, option: Argument<'_>, variable: &'static str) -> Option<(Place, String)> {
        let (place, value) = self.either(option, variable)?;
        let Ok(text) = value.into_string() else {
            self.note(place, "is no UTF-8");
            return None;
        };
        Some((place, text))
    }

    fn either(&mut self, (option, value): Argument<'_>, variable: &'static str) -> Option<(Place, OsString)> {
        let of_option = value.map(|value| (Place::Option(option), value.to_owned()));
        let of_variable = || std::env::var_os(variable).map(|value| (Place::Variable(variable), value));
        let (place, value) = of_option.or_else(of_variable)?;
        if value.to_string_lossy().trim().is_empty() {
            self.note(place, "is empty");
            return None;
        }
        Some((place, value))
    }

    /// Notes what is wrong with it.
    pub(crate) fn note(&mut self, place: Place, why: impl Display) {
        self.faults.push(Fault::new(place, "", why));
    }

    /// The text of the file, empty without one; `None`, and why, if it can't be read.
    pub(super) fn read_file(&self, report: &Report) -> Option<String> {
        let Some(file) = &self.file else { return Some(String::new()) };
        let text = std::fs::read(file).and_then(|bytes| {
            exposure::warn_of(file);
            String::from_utf8(bytes).map_err(|_| io::Error::other("is no UTF-8"))
        });
        text.inspect_err(|error| report.note(Fault::new(Place::File(None), "", error))).ok()
    }

    pub(super) fn overrides(&self) -> Vec<Override<'_>> {
        let item = |text: &String| Spanned::new(0..0, DeValue::String(text.clone().into()));
        let each = |(key, place, list): &(&'static str, Place, Vec<String>)| {
            let mut array = DeArray::new();
            for text in list {
                array.push(item(text));
            }
            Override { key, place: place.clone(), value: Spanned::new(0..0, DeValue::Array(array)) }
        };
        self.lists.iter().map(each).collect()
    }
}

/// Says which variables of this program's name there are and nobody reads; `text` may name some.
pub(super) fn tell_unknown_variables(text: &str) {
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in given.filter(|name| is_unknown(name, text)) {
        let meant = meant(&name);
        tracing::warn!(variable = name, meant, "nothing reads this variable of the environment");
    }
}

/// Variables of this program's name that nobody reads, where it is plain which one was meant.
pub(crate) fn misspelt_variables() -> Vec<(String, &'static str)> {
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = given.filter(|name| is_unknown(name, ""));
    unknown.filter_map(|name| meant(&name).map(|meant| (name, meant))).collect()
}

/// The variable that was meant; what all names begin with makes none alike.
fn meant(name: &str) -> Option<&'static str> {
    let own = |name: &'static str| name.strip_prefix(PREFIX).unwrap_or(name);
    let near = suggest::closest(name.strip_prefix(PREFIX)?, VARIABLES.map(own))?;
    VARIABLES.into_iter().find(|variable| own(variable) == near)
}

fn is_unknown(name: &str, text: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    // Kubernetes tells of a service called "tagcast" in this way.
    let is_of_service = rest.starts_with("SERVICE_") || rest == "PORT" || rest.starts_with("PORT_");
    !is_of_service && !VARIABLES.contains(&name) && !text.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_told_and_what_others_set_is_not() {
        let text = "key = { env = 'TAGCAST_KEY' }";
        for (name, unknown) in [
            ("TAGCAST_LISTN", true),
            ("TAGCAST_HTTP_BODY", true),
            ("TAGCAST_LISTEN", false),
            ("TAGCAST_KEY", false),
            ("TAGCAST_SERVICE_HOST", false),
            ("TAGCAST_PORT_8080_TCP_ADDR", false),
            ("TAGCAST_PORT", false),
            ("PATH", false),
        ] {
            assert_eq!(is_unknown(name, text), unknown, "{name}");
        }
        for (name, other) in [
            ("TAGCAST_LISTN", Some("TAGCAST_LISTEN")),
            ("TAGCAST_DATADIR", Some("TAGCAST_DATA_DIR")),
            ("TAGCAST_KEY", None),
            ("TAGCAST_HTTP_BODY", None),
        ] {
            assert_eq!(meant(name), other, "{name}");
        }
    }

    /// What stands in quotes where the command line is read.
    #[test]
    fn each_variable_is_known() {
        let mut known: Vec<_> = VARIABLES.map(str::to_owned).into();
        let mut read = Vec::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli")).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.is_file() { std::fs::read_to_string(path).unwrap() } else { String::new() };
            read.extend(text.split('"').filter(|part| part.starts_with("TAGCAST_")).map(str::to_owned));
        }
        read.sort();
        read.dedup();
        known.sort();
        assert_eq!(read, known);
    }
}
