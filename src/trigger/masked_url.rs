//! What of a target's URL is a secret: its query, who it names before the host, and of its path what chat services and
//! the like take for a password. In place of it a URL that is shown has `***`.

use url::{Position, Url};

use super::secret::HIDDEN;

/// Hosts, and all below them, that take the whole path for a password.
const BY_PATH: [&str; 29] = [
    "api.telegram.org",
    "chat.googleapis.com",
    "discord.com",
    "discordapp.com",
    "events.pagerduty.com",
    "feishu.cn",
    "glip.com",
    "hc-ping.com",
    "hook.integromat.com",
    "hooks.slack-gov.com",
    "hooks.slack.com",
    "hooks.zapier.com",
    "inbots.zoom.us",
    "integrations.zoom.us",
    "larkoffice.com",
    "larksuite.com",
    "maker.ifttt.com",
    "make.com",
    "ntfy.sh",
    "oapi.dingtalk.com",
    "outlook.office.com",
    "outlook.office365.com",
    "qyapi.weixin.qq.com",
    "ringcentral.com",
    "smee.io",
    "victorops.com",
    "webexapis.com",
    "webhook.office.com",
    "webhook.site",
];

/// Letters and digits together that nobody would choose for a name.
const LONG: usize = 16;

/// The URL as it may be shown. What is no URL is not shown at all.
pub(crate) fn masked(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return HIDDEN.to_owned() };
    let secret = secret_from(url.host_str().unwrap_or_default(), url.path());
    let has_query = url.query().is_some_and(|query| !query.is_empty());
    if secret.is_none() && !has_query && !has_user(&url) && url.fragment().is_none() {
        return text.to_owned();
    }
    let user = if has_user(&url) { format!("{HIDDEN}@") } else { String::new() };
    let path = match secret {
        Some(from) => format!("{}{HIDDEN}", &url.path()[..from]),
        None => url.path().to_owned(),
    };
    let query = if has_query { format!("?{HIDDEN}") } else { String::new() };
    format!("{}://{user}{}{path}{query}", url.scheme(), &url[Position::BeforeHost..Position::AfterPort])
}

/// The parts that [`masked`] does not show, each as it stands there and as it reads.
pub(super) fn secret_parts(text: &str) -> Vec<String> {
    let Ok(url) = Url::parse(text) else { return Vec::new() };
    let path = secret_from(url.host_str().unwrap_or_default(), url.path()).map(|from| &url.path()[from..]);
    let query = url.query().filter(|query| !query.is_empty());
    let written = path.into_iter().chain(query).map(str::to_owned);
    let values = query.into_iter().flat_map(|query| query.split('&').filter_map(|pair| pair.split_once('=')));
    let values = values.map(|(_, value)| value.to_owned());
    let read = url.query_pairs().map(|(_, value)| value.into_owned());
    written.chain(values).chain(read).collect()
}

/// Whether something that stands for a secret stands in the URL.
pub(super) fn stands_in(url: &str) -> bool {
    url.contains(HIDDEN)
}

/// Whether the two are known to lie elsewhere: at another host, port or scheme.
pub(super) fn moved(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() != other.origin(),
        _ => false,
    }
}

/// The URL with the secrets of `known`, which is at the same place, where `***` stands; `None` if there are none for it.
pub(super) fn unmasked(written: &str, known: &str) -> Option<String> {
    let shown = masked(known);
    if written == shown {
        return Some(known.to_owned());
    }
    let (mut url, shown, known) =
        (Url::parse(written).ok()?, Url::parse(&shown).ok()?, Url::parse(known).ok()?);
    if url.query() == Some(HIDDEN) {
        url.set_query(Some(known.query().filter(|query| !query.is_empty())?));
    }
    if stands_in(url.path()) {
        if url.path() != shown.path() {
            return None;
        }
        url.set_path(known.path());
    }
    Some(url.into())
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Where in the path the secret begins, if there is one.
fn secret_from(host: &str, path: &str) -> Option<usize> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let below =
        |known: &&str| host.strip_suffix(*known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if path.len() > 1 && BY_PATH.iter().any(below) {
        return Some(1);
    }
    let mut from = 0;
    for segment in path.split('/') {
        if looks_secret(segment) {
            return Some(from);
        }
        from += segment.len() + 1;
    }
    None
}

/// Whether a part of a path looks like a token or a UUID, as self-hosted services have them.
fn looks_secret(segment: &str) -> bool {
    let mixed = |part: &str| {
        let has = |sort: fn(&u8) -> bool| part.bytes().any(|byte| sort(&byte));
        (
            has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic),
            has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase),
        )
    };
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups: Vec<_> = segment.split('-').collect();
    let is_uuid =
        groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group));
    let long = |part: &str| part.len() >= LONG && mixed(part).0;
    let whole = segment.len() >= LONG + 4 && mixed(segment) == (true, true);
    is_uuid || whole || segment.split(|c: char| !c.is_ascii_alphanumeric()).any(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        for (url, shown) in [
            ("https://deploy.example.com/hook", "https://deploy.example.com/hook"),
            ("https://deploy.example.com", "https://deploy.example.com"),
            ("https://deploy.example.com/hook?", "https://deploy.example.com/hook?"),
            ("https://deploy.example.com/hook?token=t0", "https://deploy.example.com/hook?***"),
            ("http://user:pass@h.example:8080/hook", "http://***@h.example:8080/hook"),
            ("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/***"),
            ("https://HOOKS.slack.com./services/T0/B0/x", "https://hooks.slack.com./***"),
            ("https://ptb.discord.com/api/webhooks/1/x", "https://ptb.discord.com/***"),
            ("https://nodiscord.com/api/webhooks/1/x", "https://nodiscord.com/api/webhooks/1/x"),
            ("https://acme.webhook.office.com/webhookb2/a/b", "https://acme.webhook.office.com/***"),
            ("https://x.logic.azure.com/workflows/1?sig=s", "https://x.logic.azure.com/workflows/1?***"),
            (
                "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
                "https://chat.googleapis.com/***?***",
            ),
            ("https://api.telegram.org/bot123:ABC/sendMessage?chat_id=1", "https://api.telegram.org/***?***"),
            ("https://open.feishu.cn/open-apis/bot/v2/hook/x", "https://open.feishu.cn/***"),
            ("https://oapi.dingtalk.com/robot/send?access_token=x", "https://oapi.dingtalk.com/***?***"),
            (
                "https://chat.example.com/hooks/xxtxkpdpc7bd8nqzpsrzgmzy3o",
                "https://chat.example.com/hooks/***",
            ),
            (
                "https://n.example.com/webhook/2f1e7c1c-5f43-4a7e-9c4e-0c3a2b1d4e5f/x",
                "https://n.example.com/webhook/***",
            ),
            ("https://n.example.com/hooks/aB3_dE-fG5hI_jK7lM-nO", "https://n.example.com/hooks/***"),
            (
                "https://n.example.com/hooks/redeploy-the-releases/2024",
                "https://n.example.com/hooks/redeploy-the-releases/2024",
            ),
            ("no URL with s3cret", "***"),
        ] {
            assert_eq!(masked(url), shown);
            assert_eq!(masked(shown), shown, "it stays so");
        }
    }

    #[test]
    fn what_was_shown_is_taken_back_where_it_belongs() {
        let slack = "https://hooks.slack.com/services/T0/B0/x";
        assert_eq!(unmasked("https://hooks.slack.com/***", slack).as_deref(), Some(slack));
        let query = "https://deploy.example.com/hook?token=t0";
        let unmasked_query = |written| unmasked(written, query);
        assert_eq!(unmasked_query("https://deploy.example.com/hook?***").as_deref(), Some(query));
        let other = "https://deploy.example.com/other?token=t0";
        assert_eq!(unmasked_query("https://deploy.example.com/other?***").as_deref(), Some(other));
        assert_eq!(unmasked_query("https://deploy.example.com/***?***"), None);
        assert_eq!(unmasked("https://deploy.example.com/hook?***", "https://deploy.example.com/hook"), None);
        for (one, other, is_moved) in [
            (query, "https://deploy.example.com:443/x", false),
            (query, "http://deploy.example.com/hook?token=t0", true),
            (query, "https://deploy.example.com:444/hook", true),
            (query, "https://deploy.example.org/hook", true),
            (query, "https://Deploy.example.com/hook", false),
        ] {
            assert_eq!(moved(one, other), is_moved, "{other}");
        }
    }

    #[test]
    fn secret_parts_are_those_that_are_not_shown() {
        let parts = secret_parts("https://hooks.slack.com/services/T0?key=a%2Fb");
        assert_eq!(parts, ["services/T0", "key=a%2Fb", "a%2Fb", "a/b"]);
        assert!(secret_parts("https://deploy.example.com/hook").is_empty());
    }
}
