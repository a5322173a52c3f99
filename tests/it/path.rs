//! The test to read first: a real registry posts to a real gateway, and clients that others wrote get
//! exactly the events of the truth table, in order, in `{"messages":[…]}`, and nothing else.

use serde_json::{Value, json};

use crate::support::client::brief;
use crate::support::gateway::Gateway;
use crate::support::oci::{self, Image};
use crate::support::registry::Registry;
use crate::support::third_party::{By, Subscriber};

/// All events of all envelopes; panics on anything else but the answer to the subscription.
fn events(messages: Vec<Value>) -> Vec<Value> {
    let mut events = Vec::new();
    for message in messages {
        let object = message.as_object().expect("an object");
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        match keys[..] {
            ["messages"] | ["id", "messages"] => {
                events.extend(message["messages"].as_array().expect("a list").clone());
            }
            ["subscribed"] => {}
            _ => panic!("unexpected {message}"),
        }
    }
    events
}

fn briefs(subscriber: Subscriber) -> Vec<String> {
    events(subscriber.messages()).iter().map(brief).collect()
}

#[test]
fn what_is_pushed_moved_and_deleted_reaches_everyone_who_asked() {
    let gateway = Gateway::start();
    let registry = Registry::start(&gateway.url());
    let directory = tempfile::tempdir().expect("a directory");
    let (a, b) = (Image::new(directory.path(), "a"), Image::new(directory.path(), "b"));
    let multi = Image::multi_arch(directory.path(), "multi");

    let all = gateway.websocket_url("?filter=true&batch_cutoff=50ms");
    let moved = gateway.websocket_url("?filter=tag+%3D%3D+%22v1%22&batch_cutoff=0");
    let deleted = json!({"subscribe": {"id": "gone", "filter": {"type": ["DeleteImage", "DeleteImageTag"]}}});
    let everything = Subscriber::start(By::Python, &all, 12, &[]);
    let of_v1 = Subscriber::start(By::Node, &moved, 6, &[]);
    let gone = Subscriber::start(By::Node, &gateway.websocket_url(""), 4, &[deleted]);
    let nothing = gateway.websocket_url("?filter=repository+%3D%3D+%22team/other%22");
    let nothing = Subscriber::start(By::Python, &nothing, 0, &[]);

    a.push(&registry.host, "team/app", "v1");
    a.push(&registry.host, "team/app", "v2");
    b.push(&registry.host, "team/app", "v1");
    b.push(&registry.host, "team/app", "latest");
    multi.push(&registry.host, "team/multi", "1.0");
    oci::delete(&registry.host, "team/app", b.digest());

    let children = multi.children().to_vec();
    let (a, b, multi) = (a.digest(), b.digest(), multi.digest());
    let expected = [
        format!("CreateImage team/app:v1 {a}"),
        format!("CreateImageTag team/app:v1 {a}"),
        format!("CreateImageTag team/app:v2 {a}"),
        format!("CreateImage team/app:v1 {b}"),
        format!("DeleteImageTag team/app:v1 {a}"),
        format!("CreateImageTag team/app:v1 {b}"),
        format!("CreateImageTag team/app:latest {b}"),
        format!("CreateImage team/multi:1.0 {multi}"),
        format!("CreateImageTag team/multi:1.0 {multi}"),
        format!("DeleteImage team/app: {b}"),
        format!("DeleteImageTag team/app:latest {b}"),
        format!("DeleteImageTag team/app:v1 {b}"),
    ];
    let all = briefs(everything);
    assert_eq!(all, expected);
    assert_eq!(children.len(), 2);
    assert!(
        !all.iter().any(|event| children.iter().any(|child| event.contains(child))),
        "children are no images"
    );
    let with_v1: Vec<_> = expected.iter().filter(|e| e.contains(":v1 ")).cloned().collect();
    assert_eq!(briefs(of_v1), with_v1);
    let of_deletes: Vec<_> = expected.iter().filter(|e| e.starts_with("Delete")).cloned().collect();
    assert_eq!(briefs(gone), of_deletes);
    assert!(briefs(nothing).is_empty());
}

#[test]
fn an_event_says_what_the_protocol_says() {
    let gateway = Gateway::start();
    let registry = Registry::start(&gateway.url());
    let directory = tempfile::tempdir().expect("a directory");
    let image = Image::new(directory.path(), "a");
    let url = gateway.websocket_url("?filter=type+%3D%3D+%27CreateImageTag%27");
    let subscriber = Subscriber::start(By::Python, &url, 1, &[]);
    image.push(&registry.host, "team/app", "v1.4.2");
    let events = events(subscriber.messages());
    let (metadata, details) = (&events[0]["event_metadata"], &events[0]["details"]);
    assert_eq!(metadata["event_type"], "yandex.cloud.events.containerregistry.CreateImageTag");
    assert_eq!(metadata["event_id"].as_str().map(str::len), Some(20));
    assert_eq!((&metadata["cloud_id"], &metadata["folder_id"]), (&json!("default"), &json!("default")));
    assert_eq!(metadata["tracing_context"]["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(details["registry_id"], registry.host.as_str());
    assert_eq!((&details["repository_name"], &details["tag"]), (&json!("team/app"), &json!("v1.4.2")));
    assert_eq!(details["image_digest"], image.digest());
    assert!(details["image_id"].as_str().is_some_and(|id| id.starts_with("crt") && id.len() == 20));
    assert_eq!(details["media_type"], "application/vnd.oci.image.manifest.v1+json");
    assert!(details["size"].as_u64().is_some_and(|size| size > 0));
    assert_eq!(details["source"], "distribution");
}

#[test]
fn a_registry_that_restarts_goes_on_where_it_was() {
    let gateway = Gateway::start();
    let mut registry = Registry::start(&gateway.url());
    let directory = tempfile::tempdir().expect("a directory");
    let (a, b) = (Image::new(directory.path(), "a"), Image::new(directory.path(), "b"));
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    a.push(&registry.host, "team/app", "v1");
    assert_eq!(client.events(2).len(), 2);
    registry.restart();
    b.push(&registry.host, "team/app", "v1");
    let moved: Vec<_> = client.events(3).iter().map(brief).collect();
    assert_eq!(moved[1], format!("DeleteImageTag team/app:v1 {}", a.digest()));
    assert_eq!(moved[2], format!("CreateImageTag team/app:v1 {}", b.digest()));
}

/// The registry's retry and the client's `after` together: nothing lost, nothing doubled.
#[test]
fn a_gateway_killed_between_pushes_loses_and_doubles_nothing() {
    let mut gateway = Gateway::start();
    let registry = Registry::start(&gateway.url());
    let directory = tempfile::tempdir().expect("a directory");
    let image = |n: usize| Image::new(directory.path(), &format!("image {n}"));
    let images: Vec<Image> = (0..6).map(image).collect();

    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    images[0].push(&registry.host, "team/app", "v0");
    let mut seen = client.events(2);
    for (n, image) in images.iter().enumerate().skip(1) {
        gateway.kill();
        // Pushed while nobody listens: the registry keeps trying.
        image.push(&registry.host, "team/app", &format!("v{n}"));
        gateway.start_again();
        let after = crate::support::client::id(seen.last().expect("events were seen"));
        client = gateway.connect(&format!("?filter=true&batch_cutoff=0&after={after}"));
        seen.extend(client.events(2));
    }
    let expected: Vec<String> = images
        .iter()
        .enumerate()
        .flat_map(|(n, image)| {
            ["CreateImage", "CreateImageTag"].map(|t| format!("{t} team/app:v{n} {}", image.digest()))
        })
        .collect();
    assert_eq!(seen.iter().map(brief).collect::<Vec<_>>(), expected);

    let mut again = gateway.connect("?filter=true&after=earliest");
    assert_eq!(again.events(12), seen, "and the log has just these");
}
