use std::time::Duration;

use serde_json::Value;

use crate::message::Whole;

/// A time as people write it: `250ms`, `1.5s`, `2m`, `1h`, `7d`; a bare number is seconds.
///
/// `None` for anything else, negative and endless ones among it.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// The same time in the shortest form that [`parse_duration`] reads back, to the millisecond.
pub(super) fn print_duration(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "0s".into(),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// A number of bytes: `131072`, `128KiB`, `1MiB`, `10GiB`.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A time in JSON: a text, or seconds.
pub(crate) fn read_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Value::String(text) => parse_duration(text),
        _ => None,
    }
}

/// A number of bytes in JSON, or any whole number: itself, or a text.
pub(super) fn read_bytes(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => parse_bytes(text),
        value => Whole::of(value).and_then(|number| u64::try_from(number).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in
            [("250ms", 250), ("0", 0), ("1", 1_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "-1s", "1y", "1s2", "inf", "nan", "1..5s", "٣s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        for ms in [0, 1, 999, 1_000, 300_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
        }
    }

    #[test]
    fn bytes() {
        assert_eq!(parse_bytes("128KiB"), Some(131_072));
        assert_eq!(parse_bytes("1 MiB"), Some(1 << 20));
        assert_eq!(parse_bytes("7"), Some(7));
        for bad in ["", "KiB", "1KB", "-1", "99999999999TiB"] {
            assert_eq!(parse_bytes(bad), None, "{bad}");
        }
    }
}
