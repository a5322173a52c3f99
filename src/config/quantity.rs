//! Times, sizes and numbers, as settings hold them, and how they are read.

use std::fmt;
use std::time::Duration;

use toml::de::DeValue;

use crate::protocol::{parse_bytes, parse_duration};

/// A time in a settings file: `"250ms"`, `"10s"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// A number of bytes in a settings file: `"64KiB"`, `"10GiB"`, `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

impl Span {
    pub(super) const HOUR: Self = Self::seconds(3_600);
    /// For how long anything may be kept.
    pub(super) const CENTURY: Self = Self::seconds(36_500 * 86_400);

    pub(super) const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub(super) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl Size {
    /// What is kept in memory has this at most.
    pub(super) const MEMORY: Self = Self::gib(1 << 10);
    /// What is kept on a disk has this at most.
    pub(super) const DISK: Self = Self::gib(1 << 20);

    pub(super) const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    pub(super) const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub(super) const fn gib(gib: u64) -> Self {
        Self(gib << 30)
    }

    /// The same as a length in memory.
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// In the largest unit that leaves nothing.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let units = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
        let fits = |(unit, _): &(u128, &str)| micros >= *unit && micros.is_multiple_of(*unit);
        match units.into_iter().find(fits) {
            Some((unit, name)) => write!(f, "{}{name}", micros / unit),
            None if micros == 0 => f.write_str("0s"),
            None if micros.is_multiple_of(1_000) => write!(f, "{}ms", micros / 1_000),
            None => write!(f, "{}ms", self.0.as_secs_f64() * 1_000.0),
        }
    }
}

/// In the largest unit that leaves nothing.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let fits = |(shift, _): &(u32, &str)| self.0 >> shift > 0 && self.0.trailing_zeros() >= *shift;
        match units.into_iter().find(fits) {
            Some((shift, name)) => write!(f, "{}{name}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// Why a value is no quantity of a sort.
pub(super) enum Unread {
    /// It is one, told here, beyond all that can be kept.
    Beyond(String),
    /// It is none; what is expected.
    Other(&'static str),
}

/// What a setting has more or less of.
pub(super) trait Quantity: Copy + PartialOrd + fmt::Display {
    /// Reads it, in whatever bounds.
    fn read(value: &DeValue<'_>) -> Result<Self, Unread>;

    /// A bit less and a bit more, as it is written in a file.
    #[cfg(test)]
    fn beside(self) -> [String; 2];
}

impl Quantity for Span {
    fn read(value: &DeValue<'_>) -> Result<Self, Unread> {
        let Some(text) = value.as_str() else {
            return Err(Unread::Other("expected a time, such as \"10s\""));
        };
        match parse_duration(text) {
            Some(time) => Ok(Self(time)),
            None if is_amount(text, &["", "ms", "s", "m", "h", "d"]) => {
                Err(Unread::Beyond(text.trim().into()))
            }
            None => {
                Err(Unread::Other("expected a time: a number and one of ms, s, m, h and d, such as \"10s\""))
            }
        }
    }

    #[cfg(test)]
    fn beside(self) -> [String; 2] {
        let millis = self.0.as_millis();
        [
            millis.checked_sub(1).map_or("-1".into(), |less| format!("'{less}ms'")),
            format!("'{}ms'", millis + 1),
        ]
    }
}

impl Quantity for Size {
    fn read(value: &DeValue<'_>) -> Result<Self, Unread> {
        const EXPECTED: &str = "expected a size: a number of bytes, or with one of KiB, MiB, GiB and TiB";
        let Some(text) = value.as_str() else {
            return whole(value, EXPECTED).map(Self);
        };
        match parse_bytes(text) {
            Some(bytes) => Ok(Self(bytes)),
            None if is_amount(text, &["", "B", "KiB", "MiB", "GiB", "TiB"]) && !text.contains('.') => {
                Err(Unread::Beyond(text.trim().into()))
            }
            None => Err(Unread::Other(EXPECTED)),
        }
    }

    #[cfg(test)]
    fn beside(self) -> [String; 2] {
        [self.0.checked_sub(1).map_or("-1".into(), |less| less.to_string()), (self.0 + 1).to_string()]
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Quantity for $type {
            fn read(value: &DeValue<'_>) -> Result<Self, Unread> {
                whole(value, "expected a whole number, without quotes")
            }

            #[cfg(test)]
            fn beside(self) -> [String; 2] {
let own: i128 = self.to_string().parse().expect("a number");
                [(own - 1).to_string(), (own + 1).to_string()]
            }
        }
    )*};
}

number!(u8, u32, u64, usize);

/// A whole number of any radix.
fn whole<T: TryFrom<i128>>(value: &DeValue<'_>, expected: &'static str) -> Result<T, Unread> {
    let integer = value.as_integer().ok_or(Unread::Other(expected))?;
    let number = i128::from_str_radix(integer.as_str(), integer.radix());
    number.ok().and_then(|number| T::try_from(number).ok()).ok_or_else(|| Unread::Beyond(integer.to_string()))
}

/// Whether a text is a number and one of the units, so that it may be told.
fn is_amount(text: &str, units: &[&str]) -> bool {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    digits > 0
        && text.len() <= 64
        && units.contains(&text[digits..].trim())
        && text[..digits].parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_can_be_written() {
        for (span, told) in [
            (Span::seconds(0), "0s"),
            (Span::millis(1), "1ms"),
            (Span::millis(1_500), "1500ms"),
            (Span::seconds(60), "1m"),
            (Span::seconds(90), "90s"),
            (Span::HOUR, "1h"),
            (Span::CENTURY, "36500d"),
            (Span(Duration::from_micros(250)), "0.25ms"),
        ] {
            assert_eq!(span.to_string(), told);
            assert_eq!(parse_duration(told), Some(span.0));
        }
        for (size, told) in [
            (Size(0), "0B"),
            (Size(1_023), "1023B"),
            (Size::kib(8), "8KiB"),
            (Size::mib(1_536), "1536MiB"),
            (Size::MEMORY, "1TiB"),
            (Size::DISK, "1024TiB"),
        ] {
            assert_eq!(size.to_string(), told);
            assert_eq!(parse_bytes(told), Some(size.0));
        }
    }

    #[test]
    fn what_is_too_much_for_any_number_is_no_other_form() {
        let read = |text: &str| Span::read(&DeValue::String(text.into()));
        assert!(matches!(read("99999999999999999999d"), Err(Unread::Beyond(_))));
        assert!(matches!(read("1000y"), Err(Unread::Other(_))));
        assert!(matches!(read("hush"), Err(Unread::Other(_))));
        let read = |text: &str| Size::read(&DeValue::String(text.into()));
        assert!(matches!(read("99999999999TiB"), Err(Unread::Beyond(_))));
        assert!(matches!(read("1.5GiB"), Err(Unread::Other(_))));
        assert!(matches!(read("64MB"), Err(Unread::Other(_))));
    }
}
