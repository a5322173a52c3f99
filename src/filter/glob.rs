//! Globs, as the regular expressions that they stand for.

use super::error::{FilterError, Reason};
use super::fields::Name;

/// Characters with a meaning in regular expressions.
const SPECIAL: &str = r"\.+*?()|[]{}^$";

/// The regular expression for the whole value of field `name`.
pub(super) fn to_regex(glob: &str, name: Name) -> Result<String, FilterError> {
    let (run, any_run, one) = match (name.is_path(), name.may_break()) {
        (true, _) => ("[^/]*", ".*", "[^/]"),
        (false, true) => ("(?s:.*)", "(?s:.*)", "(?s:.)"),
        (false, false) => (".*", ".*", "."),
    };
    let mut regex = String::from("^");
    let mut chars = glob.chars().peekable();
    let mut in_group = false;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                // Three and more stars are no more than two.
                while chars.next_if_eq(&'*').is_some() {}
                regex.push_str(any_run);
            }
            '*' => regex.push_str(run),
            '?' => regex.push_str(one),
            '{' if in_group => return Err(bad("alternatives {…} within alternatives")),
            '{' => {
                in_group = true;
                regex.push_str("(?:");
            }
            ',' if in_group => regex.push('|'),
            '}' if in_group => {
                in_group = false;
                regex.push(')');
            }
            '}' => return Err(bad("'}' without '{'; for the character itself write \\}")),
            '\\' => {
                let escaped = chars.next().ok_or_else(|| bad("nothing behind the last '\\'"))?;
                push_literal(&mut regex, escaped);
            }
            c => push_literal(&mut regex, c),
        }
    }
    if in_group {
        return Err(bad("'{' without '}'; for the character itself write \\{"));
    }
    regex.push('$');
    Ok(regex)
}

fn push_literal(regex: &mut String, c: char) {
    if SPECIAL.contains(c) {
        regex.push('\\');
    }
    regex.push(c);
}

fn bad(message: &str) -> FilterError {
    FilterError::invalid(Reason::BadValue, format!("glob: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign() {
        let regex = |glob, name| to_regex(glob, name).unwrap();
        assert_eq!(regex("a.b", Name::Tag), r"^a\.b$");
        assert_eq!(regex("a*b?", Name::Tag), "^a.*b.$");
        assert_eq!(regex("a*b?", Name::Repository), "^a[^/]*b[^/]$");
        assert_eq!(regex("a**b***", Name::Repository), "^a.*b.*$");
        assert_eq!(regex("{a,b*}c", Name::Actor), "^(?:a|b(?s:.*))c$");
        assert_eq!(regex(r"\*\{\,,", Name::Tag), r"^\*\{,,$");
    }

    #[test]
    fn what_is_no_glob() {
        for glob in ["{a", "a}", "{a,{b}}", "a\\"] {
            assert_eq!(to_regex(glob, Name::Tag).unwrap_err().reason, Some(Reason::BadValue), "{glob}");
        }
    }
}
