//! Bounds of one filter: what is refused is refused before it costs anything.

use super::error::{Code, FilterError};

/// Conditions and the operators between and before them.
pub(super) const CONDITIONS: usize = 128;
/// Changes between and, or and not on one way from the whole to a condition.
pub(super) const DEPTH: usize = 16;
/// Parentheses within each other in the text; objects and lists within each other in the shorthand.
pub(super) const PARENTHESES: usize = 40;
/// Items of one list.
pub(super) const ITEMS: usize = 256;
/// Regular expressions of one filter.
pub(super) const PATTERNS: usize = 8;
/// Bytes of one regular expression.
pub(super) const PATTERN_BYTES: usize = 256;
/// Units of work for one event: a condition 1, `contains` 2, a regular expression 8 and 1 for each KiB that it compiles to.
pub(super) const COST: usize = 10_000;
/// The largest setting for the bytes of a text.
pub(super) const TEXT: usize = 16 << 10;

pub(super) fn too_many() -> FilterError {
    complex(format!("more than {CONDITIONS} conditions and operators"))
}

pub(super) fn too_deep() -> FilterError {
    complex(format!("and, or and not more than {DEPTH} deep"))
}

pub(super) fn too_long_list() -> FilterError {
    complex(format!("more than {ITEMS} items in one list"))
}

pub(super) fn too_many_patterns() -> FilterError {
    complex(format!("more than {PATTERNS} regular expressions"))
}

pub(super) fn too_long_pattern() -> FilterError {
    complex(format!("a regular expression of more than {PATTERN_BYTES} bytes"))
}

pub(super) fn too_large_pattern() -> FilterError {
    let message = "the regular expression needs more than 64 KiB once compiled: what it counts and repeats makes too many \
                   states; anchor it with '^', or count less";
    FilterError::over(Code::RegexTooLarge, message)
}

pub(super) fn too_long(limit: usize) -> FilterError {
    FilterError::over(Code::FilterTooLong, format!("a filter has at most {limit} bytes"))
}

pub(super) fn too_expensive() -> FilterError {
    FilterError::over(
        Code::FilterTooExpensive,
        format!("matching would cost more than {COST} units an event"),
    )
}

pub(super) fn no_room(most: usize) -> FilterError {
    let message = format!(
        "the regular expressions of this reader's subscriptions need more than {most} bytes together"
    );
    FilterError::over(Code::FilterTooExpensive, message)
}

pub(super) fn too_nested() -> FilterError {
    complex(format!("more than {PARENTHESES} objects and lists within each other"))
}

fn complex(message: String) -> FilterError {
    FilterError::over(Code::FilterTooComplex, message)
}
