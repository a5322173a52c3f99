use serde::Serialize;

use crate::message::{CloudEvent, StoredMessage, short_type, to_line};

const CHART: &str = "application/vnd.acr.helm.chart";

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    timestamp: &'a str,
    action: &'static str,
    target: Target<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    repository: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    host: &'a str,
    method: &'static str,
    useragent: &'static str,
}

/// Event type, action and HTTP method of the registry's own request.
fn words(short_type: &str) -> (&'static str, &'static str, &'static str) {
    match short_type {
        "DeleteImage" => ("ImageDeleted", "delete", "DELETE"),
        "CreateChart" => ("ChartPushed", "chart_push", "POST"),
        "DeleteChart" => ("ChartDeleted", "chart_delete", "DELETE"),
        _ => ("ImagePushed", "push", "PUT"),
    }
}

pub(super) fn encode(message: &StoredMessage<'_>) -> Vec<u8> {
    let (metadata, details) = (&message.event_metadata, &message.details);
    let (name, action, method) = words(short_type(&metadata.event_type));
    let is_chart = action.starts_with("chart");
    let is_delete = action == "delete";
    let own_id =
        if details.source_event_id.is_empty() { &*metadata.event_id } else { &*details.source_event_id };
    let repository = &*details.repository_name;
    let (subject, tag) = match &*details.tag {
        _ if is_delete => (repository.to_owned(), String::new()),
        tag if is_chart => (subject(repository, tag), format!("{repository}-{tag}.tgz")),
        tag => (subject(repository, tag), tag.to_owned()),
    };
    let size = Some(details.size).filter(|size| *size > 0 && !is_delete);
    let target = Target {
        media_type: if is_chart { CHART } else { &details.media_type },
        size,
        digest: &details.image_digest,
        length: size.filter(|_| !is_chart),
        repository,
        tag,
        name: is_chart.then_some(repository),
        version: is_chart.then_some(&*details.tag),
    };
    let request = Request { id: own_id, host: &details.registry_id, method, useragent: "tagcast" };
    let time = &*metadata.created_at;
    let event = CloudEvent {
        specversion: "1.0",
        id: &*metadata.event_id,
        event_type: &*format!("Microsoft.ContainerRegistry.{name}"),
        source: &*format!("/registries/{}", &*details.registry_id),
        subject: &*subject,
        time,
        data: Data { id: own_id, timestamp: time, action, target, request: (!is_chart).then_some(request) },
        datacontenttype: None,
        cloudid: None,
        folderid: None,
        traceparent: None,
    };
    // Strings and integers alone: nothing that serde_json can refuse.
    to_line(&event).unwrap_or_default()
}

fn subject(repository: &str, tag: &str) -> String {
    if tag.is_empty() { repository.to_owned() } else { format!("{repository}:{tag}") }
}
