//! Another implementation of CEL answers the same, on random filters and events.

use std::collections::HashMap;

use cel::{Context, Program, Value};
use proptest::prelude::*;

use super::random::{an_event, parse, tree};
use crate::event::{Attributes, Field};

/// The variables that the random filters name.
fn context(event: &Attributes) -> Context<'static, 'static> {
    let mut context = Context::default();
    let mut fields: HashMap<String, Value> = HashMap::new();
    for (name, field) in [("repository", Field::Repository), ("tag", Field::Tag), ("cloud_id", Field::Cloud)]
    {
        let value = event.get(field).to_owned();
        // To us a field is there where it is not empty; to them where it is in the map.
        if !value.is_empty() {
            fields.insert(name.to_owned(), value.clone().into());
        }
        context.add_variable_from_value(name, value);
    }
    let actor = HashMap::from([("actor".to_owned(), Value::from(event.get(Field::Actor)))]);
    fields.insert("details".to_owned(), actor.into());
    fields.insert("size".to_owned(), event.size().into());
    context.add_variable_from_value("event", fields);
    context.add_variable_from_value("size", event.size());
    context.add_variable_from_value("type", event.event_type().as_str());
    context
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn another_implementation_of_cel_says_the_same(
        tree in tree(),
        events in prop::collection::vec(an_event(), 4),
    ) {
        let text = tree.print();
        let (ours, theirs) = (parse(&text), Program::compile(&text).unwrap());
        for event in &events {
            let answer = theirs.execute(&context(event));
            prop_assert_eq!(answer, Ok(Value::Bool(ours.matches(event))), "{} of {:?}", text, event);
        }
    }
}
