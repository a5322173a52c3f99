use jiff::tz::{Offset, TimeZone};
use serde::Serialize;

use crate::event::Timestamp;
use crate::message::{StoredMessage, to_line};

/// China's time, in which these bodies tell times without a zone.
const ZONE: Offset = Offset::constant(8);

#[derive(Serialize)]
struct Body<'a> {
    push_data: Push<'a>,
    repository: Repository<'a>,
}

#[derive(Serialize)]
struct Push<'a> {
    digest: &'a str,
    pushed_at: &'a str,
    tag: &'a str,
}

/// What nobody tells Tagcast of a repository has the value that promises least.
#[derive(Serialize)]
struct Repository<'a> {
    date_created: &'a str,
    name: &'a str,
    namespace: &'a str,
    region: &'a str,
    repo_authentication_type: &'static str,
    repo_full_name: &'a str,
    repo_origin_type: &'static str,
    repo_type: &'static str,
}

pub(super) fn encode(event: &StoredMessage<'_>) -> Vec<u8> {
    let details = &event.details;
    let (namespace, name) =
        details.repository_name.rsplit_once('/').unwrap_or(("", &details.repository_name));
    let pushed_at = local(&event.event_metadata.created_at);
    let body = Body {
        push_data: Push { digest: &details.image_digest, pushed_at: &pushed_at, tag: &details.tag },
        repository: Repository {
            date_created: &pushed_at,
            name,
            namespace,
            region: region(&details.registry_id),
            repo_authentication_type: "NO_CERTIFIED",
            repo_full_name: &details.repository_name,
            repo_origin_type: "NO_CERTIFIED",
            repo_type: "PRIVATE",
        },
    };
    // Strings alone: nothing that serde_json can refuse.
    to_line(&body).unwrap_or_default()
}

/// `2016-11-29 12:25:46`
fn local(created_at: &str) -> String {
    let Ok(time) = created_at.parse::<Timestamp>() else { return created_at.to_owned() };
    time.to_zoned(TimeZone::fixed(ZONE)).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The region in the name of one of Alibaba's registries; of another, the registry itself.
fn region(registry: &str) -> &str {
    let rest = registry.strip_suffix(".aliyuncs.com").and_then(|rest| rest.split_once("registry"));
    rest.and_then(|(_, region)| region.trim_start_matches("-vpc").strip_prefix('.')).unwrap_or(registry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        for (registry, of) in [
            ("registry.cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
            ("registry-vpc.cn-beijing.aliyuncs.com", "cn-beijing"),
            ("team-registry.eu-central-1.aliyuncs.com", "eu-central-1"),
            ("hub.example.com", "hub.example.com"),
        ] {
            assert_eq!(region(registry), of);
        }
    }
}
