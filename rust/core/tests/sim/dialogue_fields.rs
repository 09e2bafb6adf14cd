//! What an upstream is told about a request: the gateway's own fields cannot be removed or forged.

use gateway_core::document::Document;

use super::http::Message;
use super::plan;
use super::stage::{SERVER, Stage};

fn document(trust: bool) -> Document {
    let mut document = plan::plain(SERVER);
    document.listeners[0].trust_forwarded = trust;
    document
}

/// What the server is asked when a client says this.
fn forwarded(document: Document, says: &str) -> Message {
    let mut stage = Stage::new(document);
    stage.client(says);
    let mut server = stage.server();
    stage.request(&mut server)
}

/// What a client that is not to be believed may claim.
const CLAIMS: &str = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: else\r\n\
                      X-Request-Id: mine\r\nForwarded: for=203.0.113.9\r\nVia: 1.0 other\r\n";

/// Traefik, CVE-2024-45410; RFC 9110 §7.6.1: `Connection` names fields of the sender, not those added on the way.
#[test]
fn connection_cannot_remove_what_the_gateway_adds() {
    let named = [
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Request-Id",
        "Via",
        "Host",
        "Content-Length",
    ];
    for trust in [false, true] {
        for connection in named.iter().map(ToString::to_string).chain([named.join(", ")]) {
            let says = format!(
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nContent-Length: 2\r\n{CLAIMS}\r\nhi"
            );
            let asked = forwarded(document(trust), &says);
            for name in named {
                assert!(asked.field(name).is_some(), "{trust}, {connection}: {name} is missing in {asked:?}");
            }
            assert!(asked.all("Via").any(|via| via == "1.1 gateway"), "{connection}: {asked:?}");
            assert!(asked.all("X-Forwarded-For").all(|chain| chain.ends_with("192.0.2.7")), "{asked:?}");
            assert_eq!((asked.field("Host"), asked.body.as_slice()), (Some("a"), b"hi".as_slice()));
            assert_eq!(asked.field("Connection"), None);
        }
    }
}

#[test]
fn claims_of_a_client_that_is_not_trusted_are_replaced() {
    let asked = forwarded(document(false), &format!("GET / HTTP/1.1\r\nHost: a\r\n{CLAIMS}\r\n"));
    let all = |name| asked.all(name).collect::<Vec<_>>();
    assert_eq!(all("X-Forwarded-For"), ["192.0.2.7"]);
    assert_eq!(all("X-Forwarded-Proto"), ["http"]);
    assert_eq!(all("X-Forwarded-Host"), ["a"]);
    assert_eq!(all("Forwarded"), Vec::<&str>::new());
    assert_eq!(all("Via"), ["1.0 other", "1.1 gateway"]);
    assert!(matches!(all("X-Request-Id").as_slice(), [made] if *made != "mine" && !made.is_empty()));
}

#[test]
fn claims_of_a_trusted_client_are_extended() {
    let asked = forwarded(document(true), &format!("GET / HTTP/1.1\r\nHost: a\r\n{CLAIMS}\r\n"));
    let all = |name| asked.all(name).collect::<Vec<_>>();
    assert_eq!(all("X-Forwarded-For"), ["203.0.113.9, 192.0.2.7"]);
    assert_eq!(all("X-Forwarded-Proto"), ["https"]);
    assert_eq!(all("X-Forwarded-Host"), ["else"]);
    assert_eq!(all("Forwarded"), ["for=203.0.113.9"]);
    assert_eq!(all("Via"), ["1.0 other", "1.1 gateway"]);
    assert_eq!(all("X-Request-Id"), ["mine"]);
}

#[test]
fn a_trusted_client_that_claims_nothing_is_described_by_the_gateway() {
    let asked = forwarded(document(true), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let all = |name| asked.all(name).collect::<Vec<_>>();
    assert_eq!(all("X-Forwarded-For"), ["192.0.2.7"]);
    assert_eq!((all("X-Forwarded-Proto"), all("X-Forwarded-Host")), (vec!["http"], vec!["a"]));
    assert_eq!(all("Via"), ["1.0 gateway"]);
    assert!(asked.field("X-Request-Id").is_some_and(|made| !made.is_empty()));
}

#[test]
fn two_requests_have_two_request_ids() {
    let mut stage = Stage::plain();
    let mut ids = Vec::new();
    for _ in 0..2 {
        stage.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut server = stage.server();
        ids.push(stage.request(&mut server).field("X-Request-Id").unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
}

/// RFC 9112 §3.2.4: the asterisk is passed on as it is.
#[test]
fn options_asterisk_stays_an_asterisk() {
    let asked = forwarded(document(false), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((asked.line.as_str(), asked.field("Host")), ("OPTIONS * HTTP/1.1", Some("a")));
}

/// RFC 9112 §3.2.2: the host that was routed is the host that is forwarded.
#[test]
fn an_absolute_target_overrides_host_in_routing_and_forwarding() {
    let mut document = document(false);
    document.routes[0].hosts = vec!["b.example".into()];
    let asked = forwarded(document.clone(), "GET http://b.example/x?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(asked.line, "GET /x?q=1 HTTP/1.1");
    assert_eq!(asked.all("Host").collect::<Vec<_>>(), ["b.example"]);
    assert_eq!(asked.field("X-Forwarded-Host"), Some("b.example"));
    let mut stage = Stage::new(document);
    let mut client = stage.client("GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n");
    stage.told(&mut client, gateway_core::reason::Reason::NoHost);
}
