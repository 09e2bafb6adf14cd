//! Certificates as they are, and as an attacker would like them.
#![allow(clippy::unwrap_used)] // a test fails loudly

use super::*;

const CLIENT: &[u8] = include_bytes!("../../../tests/tls_certificates/client.der");
const WITH_NUL: &[u8] = include_bytes!("../../../tests/tls_certificates/nul.der");

fn uri(text: &str) -> AlternativeName {
    AlternativeName::Uri(text.into())
}

fn named(names: Vec<AlternativeName>) -> Result<Identity, Unfit> {
    Identity::new("CN=a".into(), names, "00".into())
}

#[test]
fn a_certificate_says_who_its_holder_is() {
    let identity = Identity::of(CLIENT).unwrap();
    assert_eq!(&*identity.subject, "CN=orders,O=Shop\\, Inc.,C=DE");
    assert_eq!(identity.spiffe_id.as_deref(), Some("spiffe://shop.example/orders"));
    let names: Vec<_> = identity.alternative_names.iter().map(AlternativeName::as_str).collect();
    assert_eq!(
        names,
        ["spiffe://shop.example/orders", "orders.shop.example", "ops@shop.example", "10.0.0.1"]
    );
    assert_eq!(identity.fingerprint.len(), 64);
}

#[test]
fn it_is_forwarded_in_envoy_s_form() {
    let identity = Identity::of(CLIENT).unwrap();
    let expected = format!(
        "Hash={};Subject=\"CN=orders,O=Shop\\\\, Inc.,C=DE\";URI=spiffe://shop.example/orders;DNS=orders.shop.example",
        identity.fingerprint
    );
    assert_eq!(identity.forwarded(), expected);
}

#[test]
fn a_nul_in_a_name_refuses_the_certificate() {
    assert_eq!(Identity::of(WITH_NUL), Err(Unfit::BadName));
}

#[test]
fn a_name_cannot_pretend_to_be_two_elements() {
    let identity = named(vec![uri("spiffe://a;DNS=admin\",Hash=1")]).unwrap();
    assert_eq!(identity.forwarded(), "Hash=00;Subject=\"CN=a\";URI=\"spiffe://a;DNS=admin\\\",Hash=1\"");
    assert_eq!(named(vec![uri("spiffe://a\r\nx: y")]), Err(Unfit::BadName));
}

#[test]
fn two_uris_are_no_spiffe_id() {
    assert!(named(vec![uri("spiffe://a")]).unwrap().spiffe_id.is_some());
    assert!(named(vec![uri("spiffe://a"), uri("spiffe://b")]).unwrap().spiffe_id.is_none());
    assert!(named(vec![uri("https://a")]).unwrap().spiffe_id.is_none());
}

#[test]
fn what_goes_into_every_request_is_bounded() {
    assert_eq!(named(vec![uri("a"); ALTERNATIVE_NAMES + 1]), Err(Unfit::TooMuch));
    assert_eq!(named(vec![uri(&"a".repeat(IDENTITY_BYTES))]), Err(Unfit::TooMuch));
}

#[test]
fn what_is_no_certificate_is_refused_at_every_length() {
    for length in 0..CLIENT.len() {
        assert_eq!(Identity::of(&CLIENT[..length]), Err(Unfit::Unreadable), "{length}");
    }
}
