use std::fmt;

/// What a trigger or a feed is known by. Its name is one of its cloud's: another cloud may have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// Within its cloud.
    pub name: String,
    /// Whose it is; empty: nobody knows, so the operator's.
    pub cloud: String,
}

impl QualifiedName {
    /// The name `name` of a cloud.
    pub fn new(cloud: &str, name: &str) -> Self {
        Self { name: name.to_owned(), cloud: cloud.to_owned() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.cloud)
    }
}
