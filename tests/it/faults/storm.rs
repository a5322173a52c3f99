use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::until;

/// More than a person waits for: `TAGCAST_STORM=10000 cargo test --release --test it faults::storm`.
fn readers() -> usize {
    std::env::var("TAGCAST_STORM").ok().and_then(|readers| readers.parse().ok()).unwrap_or(1_000)
}

/// Longest time until everyone is back and has everything.
const BACK: Duration = Duration::from_secs(30);

/// Connects until it can, resumes, and reads until it has `count` events in all.
async fn read(address: &str, mut seen: Vec<String>, count: usize) -> Vec<String> {
    while seen.len() < count {
        let after = seen.last().map_or("earliest", String::as_str);
        let url = format!("ws://{address}/v1/ws?filter=true&batch_cutoff=50ms&after={after}");
        let Ok((mut socket, _)) = connect_async(&url).await else {
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..1_000))).await;
            continue;
        };
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            seen.extend(message["messages"].as_array().into_iter().flatten().map(id));
            if seen.len() >= count {
                break;
            }
        }
    }
    seen
}

fn open_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", gateway.pid())).expect("it runs").count()
}

async fn all(gateway: &Gateway, seen: Vec<Vec<String>>, count: usize) -> Vec<Vec<String>> {
    let address = gateway.address.clone();
    let tasks: Vec<_> = seen
        .into_iter()
        .map(|seen| {
            let address = address.clone();
            tokio::spawn(async move { read(&address, seen, count).await })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("it ends"));
    }
    done
}

#[test]
fn everyone_comes_back_after_a_restart_and_leaves_nothing_behind() {
    let mut gateway = Gateway::start();
    let mut log = Vec::new();
    let mut post = |gateway: &Gateway, from: usize, to: usize| {
        for n in from..to {
            let receipt = gateway.notify(new_image(n)).json();
            let made = receipt["events"].as_array().expect("events").iter();
            log.extend(made.map(|id| id.as_str().expect("an id").to_owned()));
        }
        log.clone()
    };
    post(&gateway, 0, 20);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let seen = runtime.block_on(all(&gateway, vec![Vec::new(); readers()], 40));
    gateway.kill();
    gateway.start_again();
    let (restarted, files) = (Instant::now(), open_files(&gateway));
    let expected = post(&gateway, 20, 30);
    let seen = runtime.block_on(all(&gateway, seen, 60));
    let took = restarted.elapsed();
    println!("{} readers have everything after {took:?}", seen.len());
    assert!(took < BACK, "{took:?}");
    assert!(seen.iter().all(|seen| *seen == expected));
    // When they are gone, so is what they took.
    until(&format!("there are {files} files, as before"), || {
        gateway.metric("tagcast_connections{transport=\"websocket\"}") < 0.5
            && open_files(&gateway) <= files + 8
    });
    assert!(gateway.metric("tagcast_groups").abs() < f64::EPSILON);
}
