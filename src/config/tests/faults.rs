//! All faults at once, each at its place.

use super::faults;

/// Ten faults of different kinds, and the start of what is said of each.
const TEN: [(&str, &str); 24] = [
    ("lisen = '127.0.0.1:80'", "1:1: lisen: there is no such setting; did you mean \"listen\"?"),
    ("event_type_prefix = ' '", "2:21: event_type_prefix: must be 1 to 256 "),
    ("[log]", ""),
    ("store = 'dsik'", "4:9: log.store: expected \"disk\" or \"memory\"; did you mean \"disk\"?"),
    ("max_age = '1000y'", "5:11: log.max_age: expected a time: a number and one of ms, s, m, h and d"),
    ("ping = '20s'", "6:1: log.ping: there is no such setting; did you mean \"connections.ping\"?"),
    ("[connections]", ""),
    ("lifetime = '0s'", "8:12: connections.lifetime: must be from 1s to 36500d, and is 0s"),
    ("total = 'many'", "9:9: connections.total: expected a whole number, without quotes"),
    ("[space]", ""),
    ("refuse = '4GiB'", "11:10: space.refuse: space.resume (1536MiB) must be at least space.refuse (4GiB)"),
    ("[[readers]]", ""),
    ("name = 'r'", ""),
    (
        "token = { env = 'TAGCAST_NOT_THERE' }",
        "14:9: readers[0] 'r': token: the environment's TAGCAST_NOT_THERE is not set",
    ),
    ("[[sources]]", "15:1: sources[0] 'hub': credentials[0]: "),
    ("name = 'hub'", ""),
    (
        "kind = 'gittea'",
        "17:8: sources[0] 'hub': kind: there is no such kind of source; `tagcast source kinds` lists them; did you mean \"gitea\"?",
    ),
    ("credentials = [{ baerer = 'x' }]", ""),
    ("[[triggers]]", ""),
    ("name = 't'", ""),
    ("batch = { sice = 10, cutoff = 'x' }", ""),
    ("filter = 'tag =='", ""),
    ("[triggers.target.http]", ""),
    ("url = 'ftp://example.com/'", ""),
];

#[test]
fn many_faults_are_told_at_once_in_the_order_of_their_places() {
    let text = TEN.map(|(line, _)| format!("{line}\n")).concat();
    let told = faults(&text);
    let mut expected: Vec<_> =
        TEN.iter().map(|(_, fault)| *fault).filter(|fault| !fault.is_empty()).collect();
    expected.retain(|fault| !fault.starts_with("15:1"));
    expected.extend([
        "18:16: sources[0] 'hub': credentials[0]: a credential has one of header, bearer, basic, query, signature, \
         entra, issuer; did you mean \"bearer\"?",
        "21:11: triggers[0] 't': batch.sice: there is no such setting; did you mean \"size\"?",
        "21:31: triggers[0] 't': batch.cutoff: must be a time from 0 to 60s",
        "22:10: triggers[0] 't': filter: ",
        "24:7: triggers[0] 't': target.http.url: ",
    ]);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn a_text_that_is_no_toml_is_told_with_its_line() {
    for (text, place) in [
        ("[", "1:2: "),
        ("listen = '127.0.0.1:1'\n[log\n", "2:5: "),
        ("a = 1\na = 2\n", "2:1: "),
        ("[log]\nmax_age = \"\\q\"", "2:13: "),
        ("\u{e9} = 1", "1:1: "),
    ] {
        let told = faults(text);
        assert!(told.len() == 1 && told[0].starts_with(place), "{text}: {told:?}");
    }
}

#[test]
fn what_has_another_form_is_told() {
    for (text, told) in [
        ("log = 5", "1:7: log: expected a table: [log]"),
        ("readers = 'x'", "1:11: readers: expected a list of tables: [[readers]]"),
        ("[readers]\nname = 'x'", "1:1: readers: expected a list of tables: [[readers]]"),
        ("readers = ['x']", "1:12: readers[0]: expected a table"),
        ("[http]\nhosts = 'x'", "2:9: http.hosts: expected a list of texts: [\"…\"]"),
        ("[http]\nhosts = [5]", "2:10: http.hosts[0]: expected a text, in quotes"),
        (
            "[http]\ntrusted_proxies = ['10.0.0.0/8', '0.0.0.0/0']",
            "2:34: http.trusted_proxies[1]: must be the proxies",
        ),
        ("[http]\nmetrics_listen = 'x'", "2:18: http.metrics_listen: an address is written 127.0.0.1:8080"),
        ("[connections]\ncompression = 'yes'", "2:15: connections.compression: expected true or false"),
        ("[connections]\nping = 25", "2:8: connections.ping: expected a time, such as \"10s\""),
        ("[log]\nmemory = '64MB'", "2:10: log.memory: expected a size: "),
        (
            "[log]\nmemory = '99999999999TiB'",
            "2:10: log.memory: must be from 1KiB to 1TiB, and is 99999999999TiB",
        ),
        ("[connections]\ntotal = -1", "2:9: connections.total: must be from 1 to 10000000, and is -1"),
        ("[connections]\ntotal = 0x0", "2:9: connections.total: must be from 1 to 10000000, and is 0"),
        ("data_dir = ' '", "1:12: data_dir: must be a directory's path"),
    ] {
        begins(text, told);
    }
}

fn begins(text: &str, told: &str) {
    let faults = faults(text);
    assert!(faults.first().is_some_and(|fault| fault.starts_with(told)), "{text}:\n{faults:#?}\n{told}");
}

#[test]
fn what_is_missing_or_does_not_fit_is_told() {
    for (text, told) in [
        ("[[sources]]\nkind = 'quay'", "1:1: sources[0]: name is missing"),
        ("[[sources]]\nname = 'a/b'\nkind = 'quay'", "2:8: sources[0]: name: a name has "),
        ("[[sources]]\nname = 'a'\nkind = 'quay'\nrate = 0", "4:8: sources[0] 'a': rate: must be from 1 to "),
        (
            "[[sources]]\nname = 'a'\nkind = 'quay'\ncloud = ' '",
            "4:9: sources[0] 'a': cloud: must not be empty",
        ),
        (
            "[[sources]]\nname = 'a'\nkind = 'quay'\n[sources.api]\nurl = 'x'",
            "5:7: sources[0] 'a': api.url: must be https://",
        ),
        (
            "[[sources]]\nname = 'a'\nkind = 'quay'\n[sources.api]\nurll = 'x'",
            "4:1: sources[0] 'a': api: url is missing",
        ),
        ("[secrets]\nkey = 'short'", "2:7: secrets.key: a key is 64 hexadecimal digits"),
        (
            "[secrets]\nkey = { file = 'A', env = 'B' }",
            "2:7: secrets.key: a secret is a text, { env = \"NAME\" } or { file = \"PATH\" }",
        ),
        ("[secrets]\nprevious_keys = ['short']", "2:17: secrets.previous_keys: needs secrets.key"),
        (
            "[secrets]\nkey = { enw = 'A' }",
            "2:7: secrets.key: a secret is a text, { env = \"NAME\" } or { file = \"PATH\" }; did you mean \"env\"?",
        ),
        (
            "[ingest]\nqueue_size = '1MiB'",
            "2:14: ingest.queue_size: ingest.queue_size (1MiB) must be at least http.body (2MiB)",
        ),
        (
            "[http]\nbody = '65MiB'\nbodies = '65MiB'",
            "2:8: http.body: ingest.queue_size (64MiB) must be at least http.body (65MiB)",
        ),
        ("[log]\nsegment = '64KiB'", "2:11: log.segment: log.max_size (10GiB) would be 163840 segments"),
        (
            "[log]\nmax_size = '32MiB'",
            "2:12: log.max_size: log.max_size (32MiB) must be at least log.segment (64MiB)",
        ),
        (
            "[connections]\noutboxes = '512KiB'",
            "2:12: connections.outboxes: connections.outboxes (512KiB) must be at least",
        ),
    ] {
        begins(text, told);
    }
    assert!(faults("[log]\nstore = 'memory'\nsegment = '64KiB'").is_empty());
}

#[test]
fn a_feed_and_a_trigger_are_told_by_name_and_field() {
    for (text, told) in [
        ("[[feeds]]\nname = 'f'\ncloud_id = ''", "3:12: feeds[0] 'f': cloud_id: must not be empty"),
        (
            "[[triggers]]\nname = 't'\ncloud_id = ' '\ntarget = { feed = 'f' }",
            "3:12: triggers[0] 't': cloud_id: must not be empty",
        ),
        ("[[feeds]]\nfilter = true", "1:1: feeds[0]: name is missing"),
        ("[[triggers]]\nname = 'a'\nfilter = 'true'", "1:1: triggers[0] 'a': target is missing"),
        (
            "[[triggers]]\nname = 'a'\n[triggers.target]\nfeed = 'x'\nhttp = { url = 'https://a.example/' }",
            "3:1: triggers[0] 'a': target: must be of one form",
        ),
        (
            "[[triggers]]\nname = 'a'\n[triggers.target.http]\nurl = 'https://a.example/'\nformat = 'azur'",
            "5:10: triggers[0] 'a': target.http.format: must be one of tagcast, cloudevents, cloudevents-binary, alibaba, azure; did you mean \"azure\"?",
        ),
    ] {
        begins(text, told);
    }
}

#[test]
fn no_two_are_called_the_same_or_have_one_token() {
    let token = |c: &str| c.repeat(32);
    let reader = |name: &str, token: &str| format!("[[readers]]\nname = '{name}'\ntoken = '{token}'\n");
    let source = "[[sources]]\nname = 'a'\nkind = 'harbor'\n";
    let feed = "[[feeds]]\nname = 'f'\n";
    let trigger = "[[triggers]]\nname = 't'\ntarget = { feed = 'f' }\n";
    for (text, told) in [
        (
            reader("a", &token("1")) + &reader("a", &token("2")),
            "5:8: readers[1] 'a': name: two readers are called 'a'",
        ),
        (
            reader("a", &token("1")) + &reader("b", &token("1")),
            "6:9: readers[1] 'b': token: the readers 'a' and 'b' have the same token",
        ),
        (format!("{source}{source}"), "5:8: sources[1] 'a': name: two sources are called 'a'"),
        (format!("{feed}{feed}"), "3:1: feeds[1]: another of the feeds has this name"),
        (format!("{trigger}{trigger}"), "4:1: triggers[1]: another of the triggers has this name"),
    ] {
        assert_eq!(faults(&text), [told], "{text}");
    }
    let clouds = format!("{feed}{feed}cloud_id = 'other'\n");
    assert!(faults(&clouds).is_empty());
}

#[test]
fn a_name_or_a_token_that_nobody_could_show_is_refused() {
    let token = "x".repeat(32);
    for (name, token, is_good) in [
        ("a", token.clone(), true),
        ("Team A", token.clone(), true),
        ("", token.clone(), false),
        (" ", token.clone(), false),
        ("a ", token.clone(), false),
        ("a", format!("{token} "), false),
        ("a", format!(" {token}"), false),
        ("a", format!("{token}\u{e9}"), false),
        ("a", "x".repeat(31), false),
    ] {
        let text = format!("[[readers]]\nname = '{name}'\ntoken = '{token}'\n");
        let faults = faults(&text);
        assert_eq!(faults.len(), usize::from(!is_good), "{text}: {faults:?}");
    }
}

/// However much is wrong, it is told in bounds.
#[test]
fn a_file_of_faults_is_told_in_part() {
    let text = (0..1_000).map(|n| format!("x{n} = 1\n")).collect::<Vec<_>>().concat();
    let told = faults(&text);
    assert_eq!(told.len(), 101);
    assert!(told[0].starts_with("more than 100 faults"));
}
