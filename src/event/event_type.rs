use std::fmt;

/// What happened, in the names of the seed format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EventType {
    /// An unknown image got its first tag, or was announced without one.
    CreateImage = 0,
    /// A tag shows an image from now on.
    CreateImageTag = 1,
    /// An image is gone.
    DeleteImage = 2,
    /// A tag no longer shows an image.
    DeleteImageTag = 3,
    /// A version of a Helm chart came.
    CreateChart = 4,
    /// A version of a Helm chart is gone.
    DeleteChart = 5,
    /// An image was pulled; only where a source asks for it.
    PullImage = 6,
    /// A scan of an image ended; only where a source asks for it.
    ScanImage = 7,
}

/// A name that is no event type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event type '{0}'")]
pub struct UnknownEventType(pub String);

impl EventType {
    /// Every type, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::CreateImage,
        Self::CreateImageTag,
        Self::DeleteImage,
        Self::DeleteImageTag,
        Self::CreateChart,
        Self::DeleteChart,
        Self::PullImage,
        Self::ScanImage,
    ];

    /// The short name, without the server's prefix.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateImage => "CreateImage",
            Self::CreateImageTag => "CreateImageTag",
            Self::DeleteImage => "DeleteImage",
            Self::DeleteImageTag => "DeleteImageTag",
            Self::CreateChart => "CreateChart",
            Self::DeleteChart => "DeleteChart",
            Self::PullImage => "PullImage",
            Self::ScanImage => "ScanImage",
        }
    }

    /// The code under which the type is stored.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type stored under `code`, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|t| t.as_str() == name).ok_or_else(|| UnknownEventType(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for (code, event_type) in EventType::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(event_type.code()), code);
            assert_eq!(EventType::from_code(event_type.code()), Some(event_type));
            assert_eq!(event_type.as_str().parse(), Ok(event_type));
        }
        assert_eq!(EventType::from_code(8), None);
        assert!("createimage".parse::<EventType>().is_err());
    }
}
