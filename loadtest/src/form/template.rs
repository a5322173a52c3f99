//! Bodies as data: JSON in which names in braces stand for words. `{push|delete}` is the one or the other.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// What a kind posts.
#[derive(Debug, Deserialize)]
pub(super) struct Template {
    /// Lines of the head.
    #[serde(default)]
    headers: Vec<String>,
    /// A body, or one entry of those that gather several.
    body: Value,
}

/// By the kind's name.
static TEMPLATES: LazyLock<HashMap<String, Template>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("bodies.json"))
        .unwrap_or_else(|_| unreachable!("a part of the program"))
});

impl Template {
    /// The template of the kind with this name, if its form is one.
    pub(super) fn of(kind: &str) -> Option<&'static Self> {
        TEMPLATES.get(kind)
    }

    /// The body with these words.
    pub(super) fn body(&self, words: &Value) -> Option<Value> {
        fill(&self.body, words)
    }

    /// The lines of the head, each with its end.
    pub(super) fn headers(&self, words: &Value) -> String {
        let lines = self.headers.iter().filter_map(|line| fill_text(line, words));
        lines.filter_map(|line| Some(format!("{}\r\n", line.as_str()?))).collect()
    }
}

/// `None`: a word in it says nothing here, and whoever holds it goes without.
fn fill(template: &Value, words: &Value) -> Option<Value> {
    Some(match template {
        Value::String(text) => return fill_text(text, words),
        Value::Array(items) => items.iter().filter_map(|item| fill(item, words)).collect(),
        Value::Object(members) => {
            members.iter().filter_map(|(name, member)| Some((name.clone(), fill(member, words)?))).collect()
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, words: &Value) -> Option<Value> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        filled.push_str(before);
        match (name.split_once('|'), &words[name]) {
            (Some((push, delete)), _) => {
                filled.push_str(if words["is_push"] == true { push } else { delete });
            }
            (None, Value::Null) => return None,
            (None, Value::String(word)) => filled.push_str(word),
            // Numbers stand alone, as what they are.
            (None, word) => return Some(word.clone()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Some(filled.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_filled_in() {
        let template = json!({
            "a": "{tag} of {name}", "b": {"number": "{number}"}, "c": ["{push|delete}", 1, null], "d": "x{none}",
        });
        let words = json!({"is_push": false, "tag": "v1", "name": "r", "number": 7, "none": null});
        let filled = json!({"a": "v1 of r", "b": {"number": 7}, "c": ["delete", 1, null]});
        assert_eq!(fill(&template, &words), Some(filled));
    }
}
