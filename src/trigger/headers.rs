use http::{HeaderName, HeaderValue};

/// Headers of the operator's own at one target, and bytes of all of them.
const MOST: usize = 16;
const BYTES: usize = 4_096;

/// Names that belong to the connection, the body or the delivery.
const RESERVED: [&str; 11] = [
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
const RESERVED_PREFIXES: [&str; 5] = ["content-", "webhook-", "tagcast-", "ce-", "proxy-"];

/// Why headers can't be sent. Names are shown, values are not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("'{0}' is no header's name")]
    Name(String),
    #[error("'{0}' is set by the gateway")]
    Reserved(String),
    #[error("the value of '{0}' has control characters")]
    Value(String),
    #[error("at most {MOST} headers of {BYTES} bytes in all")]
    TooMany,
}

/// The header of a request for a name and a value of the operator's.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let shown = || name.chars().filter(|c| !c.is_control()).take(40).collect();
    let parsed = HeaderName::try_from(name).map_err(|_| HeaderError::Name(shown()))?;
    let lower = parsed.as_str();
    if RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(HeaderError::Reserved(shown()));
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| HeaderError::Value(shown()))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// Whether there are not too many of them.
pub(super) fn bounded<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), HeaderError> {
    let (mut count, mut bytes) = (0, 0);
    for (name, value) in headers {
        count += 1;
        bytes += name.len() + value.len();
    }
    if count > MOST || bytes > BYTES {
        return Err(HeaderError::TooMany);
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
