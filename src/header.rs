//! How HTTP writes lists, parameters and credentials into the value of a header (RFC 9110), read in one place for all
//! headers that have them.
//!
//! Pure, and below every module that speaks HTTP on either side. It reads what is well formed by the RFC, and of the rest
//! what is plain.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use jiff::Timestamp;

/// The elements of a header that is a list, however many lines it has.
pub(crate) fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(list)
}

/// The elements of a list (5.6.1); empty ones are none.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    split(value, ',')
}

/// What an element says before its parameters, and those (5.6.6): name and value, without quotes. One without `=` has no
/// value.
pub(crate) fn parameters(element: &str) -> (&str, impl Iterator<Item = (&str, Option<Cow<'_, str>>)>) {
    let (essence, rest) = element.split_once(';').unwrap_or((element, ""));
    (trim(essence), split(rest, ';').map(parameter))
}

/// One parameter.
pub(crate) fn parameter(text: &str) -> (&str, Option<Cow<'_, str>>) {
    match text.split_once('=') {
        Some((name, value)) => (trim(name), Some(unquoted(trim(value)))),
        None => (trim(text), None),
    }
}

/// The media type that a `Content-Type` says, without its parameters.
pub(crate) fn essence(value: &str) -> &str {
    parameters(value).0
}

/// How much an element is wanted, from 0 to 1 (12.4.2); 1 where it does not say, or says it in no form.
pub(crate) fn quality<'a>(parameters: impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)>) -> f32 {
    let said = parameters.filter(|(name, _)| name.eq_ignore_ascii_case("q")).find_map(|(_, value)| value);
    let said = said.filter(|said| said.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    said.and_then(|said| said.parse::<f32>().ok()).unwrap_or(1.0).min(1.0)
}

/// What stands behind `scheme`, in any case and with any blanks between, in `Authorization` (11.4).
pub(crate) fn credentials<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (given, rest) = trim(value).split_once([' ', '\t'])?;
    given.eq_ignore_ascii_case(scheme).then(|| trim(rest))
}

/// The wait that `Retry-After` asks for, at `now`: seconds, or any of HTTP's three forms of a date (5.6.7), or the one of
/// e-mails. A time that is over asks for none.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = trim(headers.get(RETRY_AFTER)?.to_str().ok()?);
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok().and_then(|date| Timestamp::try_from(date).ok());
    let mail = || jiff::fmt::rfc2822::parse(value).ok().map(|date| date.timestamp());
    Duration::try_from(date.or_else(mail)?.duration_since(now)).ok()
}

/// The parts between separators that stand in no quotes, without blanks around them; those with nothing in them are left
/// out.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c| {
        let is_escaped = std::mem::take(&mut escaped);
        match c {
            _ if is_escaped => false,
            '"' => {
                quoted = !quoted;
                false
            }
            '\\' => {
                escaped = quoted;
                false
            }
            c => c == separator && !quoted,
        }
    });
    parts.map(trim).filter(|part| !part.is_empty())
}

/// The text of a quoted string; anything else as it is.
fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|open| open.strip_suffix('"')) else {
        return value.into();
    };
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut characters = inner.chars();
    let mut plain = String::with_capacity(inner.len());
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain.into()
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_part_at_commas_that_are_not_quoted() {
        let parts = |value| list(value).collect::<Vec<_>>();
        assert_eq!(parts(" a , ,b;x=\"1,\\\",2\",c "), ["a", "b;x=\"1,\\\",2\"", "c"]);
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(parts("a\\,b"), ["a\\", "b"]);
    }

    #[test]
    fn parameters_lose_their_quotes() {
        let (essence, named) = parameters("Text/Plain ; Q = 0.5;flag; x=\"a\\\"b\"");
        let named: Vec<_> = named.map(|(name, value)| (name, value.map(Cow::into_owned))).collect();
        assert_eq!(essence, "Text/Plain");
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(named, [("Q", value("0.5")), ("flag", None), ("x", value("a\"b"))]);
    }

    #[test]
    fn a_quality_is_a_number_from_nothing_to_one() {
        for (element, wanted) in [
            ("a", 1.0),
            ("a;q=0.25", 0.25),
            ("a; Q=0", 0.0),
            ("a;level=1;q=.5", 0.5),
            ("a;q=7", 1.0),
            ("a;q=-1", 1.0),
            ("a;q=NaN", 1.0),
            ("a;q=\"0.000\"", 0.0),
        ] {
            assert!((quality(parameters(element).1) - wanted).abs() < 1e-6, "{element}");
        }
    }

    #[test]
    fn a_scheme_has_any_case_and_any_blanks_behind_it() {
        for value in ["Bearer x", "bearer x", "BEARER   x", "bEARER\t x ", " Bearer x"] {
            assert_eq!(credentials(value, "Bearer"), Some("x"), "{value:?}");
        }
        for value in ["Bearerx", "Bearer", "Basic x", "", "x Bearer"] {
            assert_eq!(credentials(value, "Bearer"), None, "{value:?}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_one_of_four_dates() {
        let now = "1994-11-06T08:49:27Z".parse().unwrap();
        let ten = Some(Duration::from_secs(10));
        for (value, wait) in [
            ("120", Some(Duration::from_mins(2))),
            (" 0 ", Some(Duration::ZERO)),
            ("99999999999999999999999", Some(Duration::from_secs(u64::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", ten),
            ("Sunday, 06-Nov-94 08:49:37 GMT", ten),
            ("Sun Nov  6 08:49:37 1994", ten),
            ("Sun, 6 Nov 1994 09:49:37 +0100", ten),
            ("Sun, 06 Nov 1994 08:49:17 GMT", None),
            ("soon", None),
            ("+5", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait, "{value:?}");
        }
    }
}
