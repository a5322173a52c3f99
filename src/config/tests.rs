use super::*;
use crate::catalog::{Order, UntaggedImages};
use crate::delivery::connection::ConnectionLimits;
use crate::http::HttpLimits;
use crate::ingest::{OnMalformed, Source, WriterOptions};

#[test]
fn the_manual_tells_the_defaults_of_the_modules() {
    let config = Config::load(None).unwrap();
    config.check().unwrap();
    let same =
        |a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| assert_eq!(format!("{a:?}"), format!("{b:?}"));
    same(&config.connections.limits(), &ConnectionLimits::default());
    same(&config.http.limits(), &HttpLimits::default());
    same(&config.ingest.writer(&config.event_type_prefix, &config.quarantine), &WriterOptions::default());
    assert_eq!(config.sources().len(), Kind::ALL.len());
}

/// And those of a source, whose settings are commented out.
#[test]
fn the_manual_tells_the_defaults_of_a_source() {
    let source = DEFAULT.split_once("# [[sources]]").unwrap().1.split_once("\n\n").unwrap().0;
    for (name, value) in [
        ("cloud", "\"default\"".to_owned()),
        ("folder", "\"default\"".into()),
        ("untagged", "\"silent\"".into()),
        ("pulls", "false".into()),
        ("scans", "false".into()),
        ("order", "\"time\"".into()),
        ("on_malformed", "\"quarantine\"".into()),
        ("rate", Source::PER_SECOND.to_string()),
        ("burst", Source::BURST.to_string()),
        ("warm", "false".into()),
        ("resolve", "false".into()),
    ] {
        assert!(source.lines().any(|line| line == format!("# {name} = {value}")), "{name} = {value}");
    }
    let SourceConfig { untagged, order, on_malformed, .. } = SourceConfig::of_kind(Kind::Quay);
    assert_eq!(
        (untagged, order, on_malformed),
        (UntaggedImages::Silent, Order::Time, OnMalformed::Quarantine)
    );
}

/// What stands commented out at the end of the manual is a settings file too.
#[test]
fn the_manuals_examples_are_valid() {
    let example = DEFAULT.split_once("# [[readers]]").unwrap().1;
    let lines = format!("# [[readers]]{example}");
    let uncommented: String = lines
        .lines()
        .filter(|line| {
            !["# Who", "# and only", "# A source", "# What c"].iter().any(|text| line.starts_with(text))
        })
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .collect();
    let config = Config::parse(&uncommented).unwrap();
    config.check().unwrap();
    assert_eq!((config.readers.len(), config.sources.len(), config.triggers.len()), (1, 1, 1));
    let open_to_all = Config { listen: vec!["0.0.0.0:80".parse().unwrap()], ..config };
    open_to_all.check().unwrap();
}

/// A source of each kind, good enough for a gateway that is open to the network.
#[test]
fn there_is_a_valid_example_for_each_kind() {
    let config = Config::parse(SOURCES).unwrap();
    config.check().unwrap();
    for kind in Kind::ALL {
        assert!(config.sources.iter().any(|source| source.kind == kind), "{kind}");
    }
    let reader = format!("[[readers]]\nname = 'a'\ntoken = '{}'\n", "x".repeat(32));
    let open_to_all = Config::parse(&format!("listen = '0.0.0.0:80'\n{reader}{SOURCES}")).unwrap();
    open_to_all.check().unwrap();
}

#[test]
fn switches_need_what_they_work_with() {
    let source = |kind: &str, rest: &str| format!("[[sources]]\nname = 'a'\nkind = '{kind}'\n{rest}");
    let api = "\n[sources.api]\nurl = 'https://hub.example.com'\n";
    for (text, is_good) in [
        (source("ecr", "topics = ['arn:aws:sns:eu-west-1:1:t']"), true),
        (source("harbor", "topics = ['arn:aws:sns:eu-west-1:1:t']"), false),
        (source("gar", "audience = 'a'\nservice_account = 'b'"), true),
        (source("gar", "audience = 'a'"), false),
        (source("quay", "audience = 'a'\nservice_account = 'b'"), false),
        (source("alibaba", "time_zone = '-03:30'"), true),
        (source("alibaba", "time_zone = 'Mars'"), false),
        (source("azure", "credentials = [{ entra = 'tenant', audience = 'api://x' }]"), true),
        (source("azure", "credentials = [{ entra = 'a/b', audience = 'api://x' }]"), false),
        (source("azure", "credentials = [{ entra = 'tenant', audience = '' }]"), false),
        (source("azure", "credentials = [{ header = 'a b', value = 'x' }]"), false),
        (source("azure", "credentials = [{ basic = 'x' }]"), false),
        (source("quay", "resolve = true"), false),
        (source("quay", &format!("resolve = true{api}")), true),
        (source("quay", &format!("warm = true{api}")), false),
        (source("quay", &format!("warm = true\nregistry = 'quay.io'{api}")), true),
        (source("quay", &format!("{api}username = 'x'")), false),
        (source("quay", &format!("{api}username = 'x'\npassword = 'y'")), true),
        (
            source("quay", "[sources.api]\nurl = 'http://a.example.com'\nusername = 'x'\npassword = 'y'"),
            false,
        ),
        (
            source("quay", "[sources.api]\nurl = 'http://127.0.0.1:5000'\nusername = 'x'\npassword = 'y'"),
            true,
        ),
        (
            source(
                "quay",
                "[sources.api]\nurl = 'http://127.0.0.1.evil.com'\nusername = 'x'\npassword = 'y'",
            ),
            false,
        ),
    ] {
        let checked = Config::parse(&text).unwrap().check();
        assert_eq!(checked.is_ok(), is_good, "{text}: {checked:?}");
    }
}

#[test]
fn what_a_file_leaves_out_keeps_its_default() {
    let config = Config::parse("[log]\nmax_age = \"1h\"").unwrap();
    assert_eq!(config.log.max_age.0.as_secs(), 3_600);
    assert_eq!(config.log.max_size.0, 10 << 30);
}

#[test]
fn refuses_what_it_does_not_know() {
    for bad in [
        "lisen = 1",
        "[log]\nx = 1",
        "[[sources]]\nname = 'a'\nkind = 'svn'",
        "[log]\nmemory = \"64MB\"",
        "[",
    ] {
        assert!(matches!(Config::parse(bad), Err(ConfigError::Syntax(_))), "{bad}");
    }
    let without_target = "[[triggers]]\nname = 'a'\nfilter = 'true'";
    let why = Config::parse(without_target).unwrap_err().to_string();
    assert!(why.starts_with("triggers[0] 'a': missing field `target`"), "{why}");
    let source = |rest: &str| format!("[[sources]]\nname = 'a'\nkind = 'distribution'\n{rest}");
    for bad in [
        source("rate = 0"),
        source("credentials = [{ bearer = '' }]"),
        source("credentials = [{ signature = 'x' }]"),
        source("[[sources]]\nname = 'a'\nkind = 'harbor'"),
        "[[sources]]\nname = 'a/b'\nkind = 'harbor'".into(),
        "[[readers]]\nname = 'a'\ntoken = 'short'".into(),
        "[filters]\ntext = 20000".into(),
        "[filters]\nsearch = 1023".into(),
        "[http]\nheader = '4KiB'".into(),
        "[ingest]\nqueue_events = 0".into(),
        "[connections]\nsubscriptions = 129".into(),
        "[secrets]\nkey = 'short'".into(),
        format!("[secrets]\nkey = '{}'", "g".repeat(64)),
        format!("[secrets]\nkey = '{}'", "a".repeat(66)),
        "[secrets]\nkey = { env = 'TAGCAST_NOT_THERE' }".into(),
        format!("[secrets]\nprevious_keys = ['{}']", "a".repeat(64)),
        format!("[secrets]\nkey = '{0}'\nprevious_keys = ['{0}']", "a".repeat(64)),
    ] {
        let config = Config::parse(&bad).unwrap();
        assert!(matches!(config.check(), Err(ConfigError::Value(_))), "{bad}");
    }
}

#[test]
fn nobody_is_open_to_the_network_by_accident() {
    let why = |text: &str| Config::parse(text).unwrap().check().unwrap_err().to_string();
    assert!(why("listen = '0.0.0.0:8080'").contains("readers need tokens"));
    let reader = format!("[[readers]]\nname = 'a'\ntoken = '{}'\n", "x".repeat(32));
    assert!(why(&format!("listen = '0.0.0.0:8080'\n{reader}")).contains("needs credentials"));
    assert!(Config::parse("listen = '[::1]:8080'").unwrap().check().is_ok());
}

#[test]
fn secrets_do_not_show() {
    let text = "[[sources]]\nname = 'a'\nkind = 'distribution'\ncredentials = [{ bearer = 'hush-hush' }]\n\
                [[readers]]\nname = 'r'\ntoken = 'hush-hush-hush-hush-hush-hush-hush'";
    let config = Config::parse(text).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
}
