use serde::Serialize;

use super::Told;

const CHART: &str = "application/vnd.acr.helm.chart";

#[derive(Serialize)]
struct CloudEvent<'a> {
    id: &'a str,
    source: String,
    subject: String,
    #[serde(rename = "type")]
    event_type: String,
    time: &'a str,
    data: Data<'a>,
    specversion: &'static str,
}

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

pub(super) fn encode(told: &Told) -> Vec<u8> {
    let (metadata, details) = (&told.event_metadata, &told.details);
    let (name, action, method) = words(told.short_type());
    let is_chart = action.starts_with("chart");
    let is_delete = action == "delete";
    let own_id =
        if details.source_event_id.is_empty() { &metadata.event_id } else { &details.source_event_id };
    let subject = match details.tag.as_str() {
        "" => details.repository_name.clone(),
        _ if is_delete => details.repository_name.clone(),
        tag => format!("{}:{tag}", details.repository_name),
    };
    let tag = match details.tag.as_str() {
        tag if is_chart => format!("{}-{tag}.tgz", details.repository_name),
        _ if is_delete => String::new(),
        tag => tag.to_owned(),
    };
    let size = Some(details.size).filter(|size| *size > 0 && !is_delete);
    let event = CloudEvent {
        id: &metadata.event_id,
        source: format!("/registries/{}", details.registry_id),
        subject,
        event_type: format!("Microsoft.ContainerRegistry.{name}"),
        time: &metadata.created_at,
        data: Data {
            id: own_id,
            timestamp: &metadata.created_at,
            action,
            target: Target {
                media_type: if is_chart { CHART } else { &details.media_type },
                size,
                digest: &details.image_digest,
                length: size.filter(|_| !is_chart),
                repository: &details.repository_name,
                tag,
                name: is_chart.then_some(details.repository_name.as_str()),
                version: is_chart.then_some(details.tag.as_str()),
            },
            request: (!is_chart).then_some(Request {
                id: own_id,
                host: &details.registry_id,
                method,
                useragent: "tagcast",
            }),
        },
        specversion: "1.0",
    };
    // Strings and integers alone: nothing that serde_json can refuse.
    serde_json::to_vec(&event).unwrap_or_default()
}
