/// The WebSocket address of a gateway, from whatever a user would write: `host:8080`, `http://…`,
/// `wss://…`, with or without the path.
pub(super) fn websocket_url(server: &str, parameters: &[(&str, String)]) -> Result<String, String> {
    let (scheme, rest) = match server.split_once("://") {
        Some(("http" | "ws", rest)) => ("ws", rest),
        Some(("https" | "wss", rest)) => ("wss", rest),
        Some((other, _)) => {
            return Err(format!("{other}:// is no address of a gateway; use http(s):// or ws(s)://"));
        }
        None => ("ws", server),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() {
        return Err(format!("'{server}' names no host"));
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "v1/ws" } else { path };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    Ok(format!("{scheme}://{host}/{path}?{}", query.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_users_write() {
        let url = |server| websocket_url(server, &[("filter", "tag == 'a b'".into())]);
        let query = "filter=tag+%3D%3D+%27a+b%27";
        assert_eq!(url("127.0.0.1:8080"), Ok(format!("ws://127.0.0.1:8080/v1/ws?{query}")));
        assert_eq!(url("http://h:1/"), Ok(format!("ws://h:1/v1/ws?{query}")));
        assert_eq!(url("https://h"), Ok(format!("wss://h/v1/ws?{query}")));
        assert_eq!(url("wss://h/tagcast/v1/ws"), Ok(format!("wss://h/tagcast/v1/ws?{query}")));
        assert!(url("ftp://h").is_err());
        assert!(url("http:///v1/ws").is_err());
    }
}
