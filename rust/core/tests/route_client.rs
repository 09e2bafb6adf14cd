//! Conditions on the client's certificate: every part, every test, and the order in which they count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests fail loudly

mod route_document;

use gateway_core::document::{ClientCertMatch, ClientCertPart, Match, ValueTest};
use gateway_core::route::Snapshot;
use gateway_core::tls::{AlternativeName, Identity};
use route_document::*;

fn asks(part: ClientCertPart, test: ValueTest) -> Match {
    Match { client_cert: vec![ClientCertMatch { part, test }], ..prefix("/") }
}

fn exact(value: &str) -> ValueTest {
    ValueTest::Exact { value: value.into() }
}

fn orders() -> Identity {
    let names = vec![
        AlternativeName::Uri("spiffe://shop.example/orders".into()),
        AlternativeName::Dns("orders.shop.example".into()),
    ];
    Identity::new("CN=orders".into(), names, "ab12".into()).unwrap()
}

fn snapshot(rules: Vec<(&str, Match)>) -> Snapshot {
    let rules = rules.into_iter().map(|(name, found)| rule(name, vec![found])).collect();
    Snapshot::build(document(vec![route("r", &[], rules)])).unwrap()
}

fn taken(found: Match, client: Option<Identity>) -> bool {
    let snapshot = snapshot(vec![("wanted", found)]);
    Asked { client, ..Asked::get("a", "/") }.taken(&snapshot).is_some()
}

#[test]
fn every_part_is_compared_whole() {
    for (part, fits) in [
        (ClientCertPart::Subject, "CN=orders"),
        (ClientCertPart::San, "orders.shop.example"),
        (ClientCertPart::San, "spiffe://shop.example/orders"),
        (ClientCertPart::SpiffeId, "spiffe://shop.example/orders"),
        (ClientCertPart::Fingerprint, "ab12"),
    ] {
        assert!(taken(asks(part, exact(fits)), Some(orders())), "{part:?}");
        assert!(!taken(asks(part, exact(&fits[1..])), Some(orders())), "{part:?}");
        assert!(!taken(asks(part, exact(fits)), None), "{part:?}");
        let part_of_it = ValueTest::Regex { value: fits[..3].into() };
        assert!(!taken(asks(part, part_of_it), Some(orders())), "{part:?}");
    }
}

#[test]
fn a_certificate_is_there_or_not_whatever_its_subject() {
    let unnamed = || Some(Identity::new(String::new(), vec![], String::new()).unwrap());
    let there = |value| asks(ClientCertPart::Subject, ValueTest::Present { value });
    assert!(taken(there(true), unnamed()) && !taken(there(true), None));
    assert!(!taken(there(false), unnamed()) && taken(there(false), None));
    assert!(!taken(asks(ClientCertPart::SpiffeId, ValueTest::Present { value: true }), unnamed()));
}

#[test]
fn who_asks_for_a_certificate_comes_before_who_does_not() {
    let snapshot = snapshot(vec![
        ("anybody", prefix("/")),
        ("orders", asks(ClientCertPart::San, exact("orders.shop.example"))),
    ]);
    assert_eq!(Asked { client: Some(orders()), ..Asked::get("a", "/") }.taken(&snapshot), Some("orders"));
    assert_eq!(Asked::get("a", "/").taken(&snapshot), Some("anybody"));
}

#[test]
fn many_identities_are_told_apart_by_an_index() {
    let names: Vec<String> = (0..100).map(|number| format!("CN=client-{number:03}")).collect();
    let rules =
        names.iter().map(|name| (name.as_str(), asks(ClientCertPart::Subject, exact(name)))).collect();
    let snapshot = snapshot(rules);
    for name in &names {
        let client = Some(Identity::new(name.clone(), vec![], String::new()).unwrap());
        assert_eq!(Asked { client, ..Asked::get("a", "/") }.taken(&snapshot), Some(name.as_str()));
    }
    assert_eq!(Asked::get("a", "/").taken(&snapshot), None);
}
