/// A table of bytes beside the events. The log knows its name, under which it is stored; who owns it defines it, and
/// knows what its rows mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table(&'static str);

impl Table {
    /// The table of this name, which must never change: it is on disk and in backups.
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// What a home says that was not opened with it.
    pub(super) fn missing(self) -> String {
        format!("there is no table '{}'", self.0)
    }
}

/// A key of a table and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);
