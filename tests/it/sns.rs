//! Messages of Amazon SNS, with the certificate that proves them fetched over TLS from where SNS has it.
//! The program believes that the recorded messages are a minute old, and that SNS is on this machine.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::fault::{Fault, Faults};
use crate::support::fixture::file;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::tls_server::TlsServer;

const SETTINGS: &str = "[[sources]]\nname = 'ecr'\nkind = 'ecr'\n\
    topics = ['arn:aws:sns:us-west-2:123456789012:MyTopic']\n";
const CERTIFICATE: &str = "/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
/// A minute behind the time that the messages tell.
const NOW: &str = "2026-12-01T12:01:00Z";

fn server() -> TlsServer {
    TlsServer::start(HashMap::from([(CERTIFICATE, file("ecr/signed/certificate.pem"))]))
}

/// A gateway that takes `server` for the whole internet; `trusted` has the certificates that it trusts.
fn gateway(server: &TlsServer, faults: &Faults, trusted: &str) -> Gateway {
    let then = NOW.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    faults.set(Fault::Clock, then - jiff::Timestamp::now().as_millisecond());
    let port = server.port.to_string();
    let mut environment = faults.environment();
    environment.extend([("FAULT_HTTPS", port), ("SSL_CERT_FILE", trusted.to_owned())]);
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Gateway::within(SETTINGS, Some(&faults.data()), &environment)
}

fn authority() -> String {
    format!("{}/tests/fixtures/tls/ca.pem", env!("CARGO_MANIFEST_DIR"))
}

fn post(gateway: &Gateway, message: &str) -> Answer {
    let body = file(&format!("ecr/signed/{message}.json"));
    let told = serde_json::from_slice::<Value>(&body).expect("JSON")["Type"].as_str().map(str::to_owned);
    let kind = told.expect("a type");
    let headers = [("Content-Type", "text/plain; charset=UTF-8"), ("x-amz-sns-message-type", kind.as_str())];
    request(&gateway.address, "POST", "/v1/sources/ecr/events", &headers, &body)
}

#[test]
fn a_subscription_is_confirmed_and_its_messages_taken() {
    let (server, faults) = (server(), Faults::new());
    let gateway = gateway(&server, &faults, &authority());
    assert_eq!(post(&gateway, "subscription-confirmation-v2").status, 200);
    let asked = server.asked();
    assert_eq!(asked[0], CERTIFICATE);
    assert!(
        asked[1].starts_with("/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:"),
        "{asked:?}"
    );

    let taken = post(&gateway, "notification-v2");
    assert_eq!((taken.status, taken.json()["accepted"].as_u64()), (200, Some(2)), "{}", taken.body);
    let again = post(&gateway, "notification-v1");
    assert_eq!((again.status, again.json()["duplicates"].as_u64()), (200, Some(1)), "{}", again.body);

    assert_eq!(post(&gateway, "another-key").code(), "source_unauthenticated");
    // Signed well, but who is to be asked is not SNS.
    assert_eq!(post(&gateway, "another-host").body, "");
    assert_eq!(server.asked().len(), 2, "the certificate is kept, and nobody else is asked");
}

/// Who can't be checked is not called a stranger: SNS sends the message again.
#[test]
fn a_server_that_nobody_vouches_for_gives_no_certificate() {
    let (server, faults) = (server(), Faults::new());
    let gateway = gateway(&server, &faults, "/etc/hostname");
    let answer = post(&gateway, "notification-v2");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(server.asked(), Vec::<String>::new());
}
