mod bounds;
mod faults;

use super::*;
use crate::catalog::{Order, UntaggedImages};
use crate::delivery::connection::ConnectionLimits;
use crate::http::HttpLimits;
use crate::ingest::{OnMalformed, Source, WriterOptions};

pub(in crate::config) use self::bounds::Known;

/// What is wrong with settings, a line a fault, without the line that counts them.
fn faults(text: &str) -> Vec<String> {
    let Err(error) = Config::parse(text) else { return Vec::new() };
    let told = error.to_string();
    told.lines().filter(|line| !line.ends_with(" faults in the settings:")).map(str::to_owned).collect()
}

#[test]
fn the_manual_tells_the_defaults_of_the_modules() {
    let config = Config::parse(DEFAULT).unwrap();
    let same =
        |a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| assert_eq!(format!("{a:?}"), format!("{b:?}"));
    same(&config, &Config::parse("").unwrap());
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
        ("rate", Source::RATE.per_second.to_string()),
        ("burst", Source::RATE.burst.to_string()),
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
    assert_eq!((config.readers.len(), config.sources.len(), config.triggers.len()), (1, 1, 1));
    Config::parse(&format!("listen = '0.0.0.0:80'\n{uncommented}")).unwrap();
}

/// A source of each kind, good enough for a gateway that is open to the network.
#[test]
fn there_is_a_valid_example_for_each_kind() {
    let config = Config::parse(SOURCES).unwrap();
    for kind in Kind::ALL {
        assert!(config.sources.iter().any(|source| source.kind == kind), "{kind}");
    }
    let reader = format!("[[readers]]\nname = 'a'\ntoken = '{}'\n", "x".repeat(32));
    Config::parse(&format!("listen = '0.0.0.0:80'\n{reader}{SOURCES}")).unwrap();
}

#[test]
fn switches_need_what_they_work_with() {
    let source = |kind: &str, rest: &str| format!("[[sources]]\nname = 'a'\nkind = '{kind}'\n{rest}");
    let api = "\n[sources.api]\nurl = 'https://hub.example.com'\n";
    for (text, is_good) in [
        (source("ecr", "topics = ['arn:aws:sns:eu-west-1:1:t']"), true),
        (source("ecr", "topics = ['t']"), false),
        (source("harbor", "topics = ['arn:aws:sns:eu-west-1:1:t']"), false),
        (source("gar", "audience = 'a'\nservice_account = 'b'"), true),
        (source("gar", "audience = 'a'"), false),
        (source("quay", "audience = 'a'\nservice_account = 'b'"), false),
        (source("alibaba", "time_zone = '-03:30'"), true),
        (source("alibaba", "time_zone = 'Mars'"), false),
        (source("quay", "time_zone = '-03:30'"), false),
        (source("azure", "credentials = [{ entra = 'tenant', audience = 'api://x' }]"), true),
        (source("azure", "credentials = [{ entra = 'a/b', audience = 'api://x' }]"), false),
        (source("azure", "credentials = [{ entra = 'tenant', audience = '' }]"), false),
        (source("azure", "credentials = [{ header = 'a b', value = 'x' }]"), false),
        (source("azure", "credentials = [{ header = 'a', value = 'x ' }]"), false),
        (source("azure", "credentials = [{ basic = 'x' }]"), false),
        (source("quay", "resolve = true"), false),
        (source("quay", &format!("resolve = true{api}")), true),
        (source("quay", &format!("warm = true{api}")), false),
        (source("quay", &format!("warm = true\nregistry = 'quay.io'{api}")), true),
        (source("quay", "registry = 'https://quay.io'"), false),
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
        (source("quay", "[sources.api]\nurl = 'ftp://a.example.com'"), false),
    ] {
        let faults = faults(&text);
        assert_eq!(faults.is_empty(), is_good, "{text}: {faults:?}");
    }
}

#[test]
fn what_a_file_leaves_out_keeps_its_default() {
    let config = Config::parse("[log]\nmax_age = \"1h\"").unwrap();
    assert_eq!(config.log.max_age.0.as_secs(), 3_600);
    assert_eq!(config.log.max_size.0, 10 << 30);
}

#[test]
fn nobody_is_open_to_the_network_by_accident() {
    let why = |text: &str| faults(text).concat();
    assert!(why("listen = '0.0.0.0:8080'").contains("readers need tokens"));
    let reader = format!("[[readers]]\nname = 'a'\ntoken = '{}'\n", "x".repeat(32));
    assert!(why(&format!("listen = '0.0.0.0:8080'\n{reader}")).contains("needs credentials"));
    let source = "[[sources]]\nname = 'hub'\nkind = 'quay'\n";
    assert!(why(&format!("listen = '0.0.0.0:8080'\n{reader}{source}")).contains("'hub' needs credentials"));
    assert_eq!(why("listen = '[::1]:8080'"), "");
}

#[test]
fn secrets_do_not_show() {
    let text = "[secrets]\nkey = { env = 'CARGO_MANIFEST_DIR' }\n[[sources]]\nname = 'a'\nkind = 'distribution'\n\
                credentials = [{ bearer = 'hush-hush' }]\n\
                [sources.api]\nurl = 'https://a.example'\nusername = 'a'\npassword = 'hush-hush'\n\
                [[readers]]\nname = 'r'\ntoken = 'hush-hush-hush-hush-hush-hush-hush'";
    let (_, without_key) = text.split_once('\n').unwrap().1.split_once('\n').unwrap();
    let config = Config::parse(without_key).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
    let told = Config::parse(text).unwrap_err();
    assert!(!format!("{told:?}{told}").contains("hush"), "{told}");
}
