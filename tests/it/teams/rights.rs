//! Every route, asked by everyone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::callers::{CALLERS, MARK, OF_ANOTHER, World};
use crate::support::notification::new_image;

/// What each caller is answered, in the order of `CALLERS`.
type Row = [u16; 8];

const EVERYONE: Row = [200; 8];
const READERS: Row = [401, 401, 200, 200, 200, 200, 200, 200];
const ADMINS: Row = [401, 401, 403, 403, 200, 200, 403, 200];
const OPERATOR: Row = [401, 401, 403, 403, 403, 403, 403, 200];
/// Of what is the first cloud's.
const ITS_READERS: Row = [401, 401, 200, 404, 200, 404, 200, 200];
const ITS_ADMINS: Row = [401, 401, 403, 403, 200, 404, 403, 200];

/// The same with another answer than 200 to those who may.
fn with(status: u16, row: Row) -> Row {
    row.map(|known| if known == 200 { status } else { known })
}

/// Operation, how it is asked for what is the first cloud's, and what each caller is answered.
fn table(world: &World) -> Vec<(&'static str, String, String, Row)> {
    let path = |path: &str| path.to_owned();
    let definition = world.definition().to_string();
    let notice = r#"{"data":1}"#;
    let mut put = ITS_ADMINS;
    put[5] = 403;
    let rows: Vec<(&str, String, &str, Row)> = vec![
        ("page", path("/"), "", EVERYONE),
        ("asset", path("/assets/none"), "", with(404, EVERYONE)),
        ("readMetrics", path("/metrics"), "", OPERATOR),
        ("isAlive", path("/healthz"), "", EVERYONE),
        ("isReady", path("/readyz"), "", EVERYONE),
        ("readOpenApi", path("/openapi.json"), "", EVERYONE),
        ("readAsyncApi", path("/asyncapi.json"), "", EVERYONE),
        ("readServer", path("/v1/server"), "", [200, 401, 200, 200, 200, 200, 200, 200]),
        ("acknowledge", path("/v1/server/acknowledge"), "", with(204, OPERATOR)),
        ("backup", path("/v1/backup"), "", OPERATOR),
        ("listSources", path("/v1/sources"), "", READERS),
        ("notify", path("/v1/sources/zebra/events"), r#"{"events":[]}"#, EVERYONE),
        ("askToNotify", path("/v1/sources/zebra/events"), "", with(405, EVERYONE)),
        ("listConnections", path("/v1/connections"), "", ADMINS),
        ("readConnection", world.connection(), "", ITS_ADMINS),
        ("sendNotice", world.connection() + "/send", notice, with(204, ITS_ADMINS)),
        ("closeConnection", world.connection(), "", with(204, ITS_ADMINS)),
        ("readEvents", path("/v1/events"), "", READERS),
        ("openWebSocket", path("/v1/ws"), "", with(426, READERS)),
        ("checkFilter", path("/v1/filters/check"), r#"{"filter":true}"#, READERS),
        ("listRegistries", path("/v1/registries"), "", READERS),
        ("listRepositories", path("/v1/registries/zebra.example.com/repositories"), "", ITS_READERS),
        ("readRepository", path("/v1/registries/zebra.example.com/repositories/zebra/app"), "", ITS_READERS),
        ("listFeeds", path("/v1/feeds"), "", READERS),
        ("openFeedWebSocket", path("/v1/feeds/zebra-feed/ws"), "", with(426, ITS_READERS)),
        ("readFeed", path("/v1/feeds/zebra-feed/events"), "", ITS_READERS),
        ("broadcast", path("/v1/feeds/zebra-feed/broadcast"), notice, ITS_ADMINS),
        ("listQuarantine", path("/v1/quarantine"), "", ADMINS),
        ("discardQuarantine", path("/v1/quarantine?source=zebra"), "", ADMINS),
        ("readQuarantined", world.record(), "", ITS_ADMINS),
        ("replayQuarantined", world.record() + "/replay", "", ITS_ADMINS),
        ("discardQuarantined", world.record(), "", with(204, ITS_ADMINS)),
        ("listTriggers", path("/v1/triggers"), "", ADMINS),
        ("putTrigger", world.trigger(), &definition, put),
        ("readTrigger", world.trigger(), "", ITS_ADMINS),
        ("pauseTrigger", world.trigger() + "/pause", "", ITS_ADMINS),
        ("resumeTrigger", world.trigger() + "/resume", "", ITS_ADMINS),
        ("readTriggerLog", world.trigger() + "/log", "", ITS_ADMINS),
        ("listDeadLetters", world.trigger() + "/dead-letters", "", ITS_ADMINS),
        ("readDeadLetter", world.letter(), "", ITS_ADMINS),
        ("sendDeadLetter", world.letter() + "/send", "", ITS_ADMINS),
        ("purgeDeadLetter", world.letter(), "", with(204, ITS_ADMINS)),
        ("purgeDeadLetters", world.trigger() + "/dead-letters", "", ITS_ADMINS),
        ("removeTrigger", world.trigger(), "", with(204, ITS_ADMINS)),
    ];
    rows.into_iter().map(|(name, path, body, row)| (name, path, body.to_owned(), row)).collect()
}

/// What an operation needs is made anew where the last one who asked took it away.
fn ready(world: &World, operation: &str, path: String) -> String {
    let tail = |made: String, more: &str| made + more;
    match operation {
        "readConnection" | "closeConnection" => world.connection(),
        "sendNotice" => tail(world.connection(), "/send"),
        "readQuarantined" | "discardQuarantined" => world.record(),
        "replayQuarantined" => tail(world.record(), "/replay"),
        "readDeadLetter" | "purgeDeadLetter" => world.letter(),
        "sendDeadLetter" => tail(world.letter(), "/send"),
        "readTrigger" | "removeTrigger" => world.trigger(),
        _ => path,
    }
}

/// The methods of all operations that are described; that those are all there are is tested beside.
fn operations(world: &World) -> BTreeMap<String, String> {
    let openapi = world.gateway.get("/openapi.json").json();
    let items = openapi["paths"].as_object().expect("paths").values();
    let methods = items.flat_map(|item| item.as_object().expect("an item"));
    let named = methods.filter_map(|(method, operation)| {
        Some((operation.get("operationId")?.as_str()?.to_owned(), method.to_ascii_uppercase()))
    });
    named.collect()
}

#[test]
fn every_route_answers_everyone_as_they_may() {
    let world = World::start();
    let (methods, table) = (operations(&world), table(&world));
    let rows: BTreeSet<_> = table.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(rows, methods.keys().cloned().collect(), "a route without a row");
    let mut wrong = Vec::new();
    for (operation, path, body, row) in table {
        for (caller, (who, _)) in CALLERS.iter().enumerate() {
            let path = ready(&world, operation, path.clone());
            let answer = world.ask(caller, &methods[operation], &path, &body);
            if answer.status != row[caller] {
                wrong.push(format!("{operation} {path} by {who}: {} {}", answer.status, answer.body));
            }
            let of_another = OF_ANOTHER.contains(&caller) && path.starts_with("/v1/");
            // What the caller itself named tells nothing.
            let told = path
                .split('/')
                .filter(|part| part.contains(MARK))
                .fold(answer.body.clone(), |told, part| told.replace(part, "it"));
            if of_another && told.contains(MARK) {
                wrong.push(format!("{operation} {path} tells {who}: {}", answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What another cloud has is to a caller what nobody has.
#[test]
fn what_another_cloud_has_is_as_good_as_nothing() {
    let world = World::start();
    let methods = operations(&world);
    let letter = world.letter();
    for (operation, path, body, row) in table(&world) {
        if !row.contains(&404) || row[0] != 401 {
            continue;
        }
        let parts: Vec<_> = path.split('/').collect();
        let nowhere: Vec<_> = parts
            .iter()
            .map(|part| match *part {
                "zebra-trigger" | "zebra-feed" | "zebra.example.com" => "nowhere".to_owned(),
                id if id.parse::<u64>().is_ok() => "99999".to_owned(),
                part => part.to_owned(),
            })
            .collect();
        for caller in OF_ANOTHER {
            let ask = |path: &str| world.ask(caller, &methods[operation], path, &body);
            let (there, nowhere) = (ask(&path), ask(&nowhere.join("/")));
            let told = there.body.replace("zebra-feed", "nowhere");
            assert_eq!((there.status, &told), (nowhere.status, &nowhere.body), "{operation} {path}");
        }
    }
    assert_eq!(world.ask(4, "GET", &letter, "").status, 200, "it is there all the same");
}

/// Counts are of all clouds together.
#[test]
fn counts_of_other_clouds_are_the_operators() {
    let world = World::start();
    world.gateway.post("/v1/sources/other/events", new_image(2));
    for (caller, (who, _)) in CALLERS.iter().enumerate().filter(|(caller, _)| *caller != 1) {
        let server = world.ask(caller, "GET", "/v1/server", "").json();
        for part in ["counts", "latency"] {
            assert_eq!(!server[part].is_null(), *who == "operator", "{part} for {who}");
        }
        assert_ne!(server["version"], Value::Null, "{who}");
    }
}

/// A misspelt parameter is never taken for none, on any route that a team calls.
#[test]
fn an_unknown_parameter_is_refused_everywhere() {
    let world = World::start();
    let methods = operations(&world);
    for (operation, path, body, row) in table(&world) {
        let streams = ["openWebSocket", "openFeedWebSocket"].contains(&operation);
        if !path.starts_with("/v1/") || row[7] == 405 || operation == "notify" || streams {
            continue;
        }
        let path = ready(&world, operation, path);
        let mark = if path.contains('?') { '&' } else { '?' };
        let answer =
            world.ask(super::callers::OPERATOR, &methods[operation], &format!("{path}{mark}x=1"), &body);
        assert_eq!(answer.status, 400, "{operation}: {answer:?}");
    }
}
