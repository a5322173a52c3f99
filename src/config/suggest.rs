//! What was meant by a misspelt name.

/// The longest name that is compared.
const LONGEST: usize = 64;

/// The nearest of `names`, if one is near enough to be meant.
pub(crate) fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = plain(word);
    let near = names.into_iter().filter_map(|name| {
        let other = plain(name);
        let (short, long) = if word.len() < other.len() { (&word, &other) } else { (&other, &word) };
        let steps = strsim::damerau_levenshtein(&word, &other);
        let is_near = steps <= (long.len() / 3).max(1) && steps < short.len();
        (is_near || (short.len() >= 4 && long.starts_with(short.as_str()))).then_some((steps, name))
    });
    near.min_by_key(|(steps, _)| *steps).map(|(_, name)| name)
}

/// `; did you mean "name"?`, or nothing.
pub(crate) fn hint<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    closest(word, names).map(meant).unwrap_or_default()
}

/// The same of what is known.
pub(super) fn meant(name: &str) -> String {
    format!("; did you mean \"{name}\"?")
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_another_word_is_not() {
        let names = ["listen", "log", "max_age", "max_size", "warn", "disk", "connections"];
        for (word, meant) in [
            ("lisen", Some("listen")),
            ("maxAge", Some("max_age")),
            ("max-age", Some("max_age")),
            ("max_aeg", Some("max_age")),
            ("warning", Some("warn")),
            ("dsik", Some("disk")),
            ("conections", Some("connections")),
            ("Log", Some("log")),
            ("memory", None),
            ("xyz", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(word, names), meant, "{word}");
        }
        assert_eq!(closest(&"x".repeat(65), ["x"]), None);
    }
}
