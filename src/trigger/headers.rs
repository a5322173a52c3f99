use http::{HeaderName, HeaderValue};

/// Headers of the operator's own at one target, and bytes of all of them.
const MOST: usize = 16;
const BYTES: usize = 4_096;

/// Names that belong to the connection, the body or the delivery.
const TAKEN: [&str; 11] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "expect",
    "user-agent",
    "accept-encoding",
    "traceparent",
];
const TAKEN_PREFIXES: [&str; 5] = ["content-", "webhook-", "tagcast-", "ce-", "proxy-"];

/// The header of a request for a name and a value of the operator's.
///
/// # Errors
///
/// What is wrong with it; a value is not shown.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    let parsed = HeaderName::try_from(name).map_err(|_| format!("'{shown}' is no header's name"))?;
    let lower = parsed.as_str();
    if TAKEN.contains(&lower) || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(format!("'{shown}' is set by the gateway"));
    }
    let mut value =
        HeaderValue::from_str(value).map_err(|_| format!("the value of '{shown}' has control characters"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// Whether there are not too many of them.
pub(super) fn bounded<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    let (mut count, mut bytes) = (0, 0);
    for (name, value) in headers {
        count += 1;
        bytes += name.len() + value.len();
    }
    if count > MOST || bytes > BYTES {
        return Err(format!("at most {MOST} headers of {BYTES} bytes in all"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_gateway_is_refused() {
        for name in [
            "Host",
            "content-type",
            "Content-Length",
            "Transfer-Encoding",
            "Webhook-Id",
            "TE",
            "ce-id",
            "Tagcast-Position",
            "a b",
            "",
            "x:y",
            "ä",
        ] {
            assert!(header(name, "v").is_err(), "{name}");
        }
        for value in ["a\r\nb", "a\nb", "\0"] {
            assert!(header("x-own", value).is_err(), "{value:?}");
        }
        assert!(header("X-Own", "v").is_ok() && header("Authorization", "Token x").is_ok());
    }

    #[test]
    fn there_may_be_so_many() {
        let long = "v".repeat(BYTES);
        assert!(bounded((0..MOST).map(|_| ("n", "v"))).is_ok());
        assert!(bounded((0..=MOST).map(|_| ("n", "v"))).is_err());
        assert!(bounded([("n", long.as_str())].into_iter()).is_err());
    }
}
