//! What a figure has to reach: by itself, or beside the bare sender's. Pure.

/// A bar, and what is meant by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// At least this part of the limit's figure.
    OfLimit(f64),
    /// At most so many times the limit's figure.
    TimesLimit(f64),
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The figure as a part of the limit's, where the bar asks for that.
    pub ratio: Option<f64>,
    /// Whether the bar is reached.
    pub passes: bool,
}

impl Bar {
    /// Whether the limit has to be measured too.
    pub fn needs_limit(self) -> bool {
        matches!(self, Self::OfLimit(_) | Self::TimesLimit(_))
    }

    /// Judges a figure; `None` if the limit's is needed and missing.
    pub fn judge(self, figure: f64, limit: Option<f64>) -> Option<Judgement> {
        let ratio =
            if self.needs_limit() { Some(figure / limit.filter(|&limit| limit > 0.0)?) } else { None };
        let value = ratio.unwrap_or(figure);
        let passes = match self {
            Self::OfLimit(bar) | Self::AtLeast(bar) => value >= bar,
            Self::TimesLimit(bar) | Self::AtMost(bar) => value <= bar,
        };
        Some(Judgement { ratio, passes })
    }
}

impl std::fmt::Display for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfLimit(bar) => write!(f, "≥ {bar} of limit"),
            Self::TimesLimit(bar) => write!(f, "≤ {bar} × limit"),
            Self::AtLeast(bar) => write!(f, "≥ {bar}"),
            Self::AtMost(bar) => write!(f, "≤ {bar}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_is_judged_its_way() {
        let passes = |bar: Bar, figure, limit| bar.judge(figure, limit).map(|judged| judged.passes);
        assert_eq!(passes(Bar::OfLimit(0.8), 80.0, Some(100.0)), Some(true));
        assert_eq!(passes(Bar::OfLimit(0.8), 79.0, Some(100.0)), Some(false));
        assert_eq!(passes(Bar::TimesLimit(2.0), 250.0, Some(100.0)), Some(false));
        assert_eq!(passes(Bar::AtLeast(400.0), 400.0, None), Some(true));
        assert_eq!(passes(Bar::AtMost(64.0), 65.0, Some(1.0)), Some(false));
        assert_eq!(passes(Bar::OfLimit(0.8), 80.0, None), None);
        assert_eq!(passes(Bar::OfLimit(0.8), 80.0, Some(0.0)), None);
    }
}
