//! What no snapshot is built from, and what the refusal says; and the wire form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails loudly

mod route_document;
mod tls_peer;

use gateway_core::document::*;
use gateway_core::route::Snapshot;
use route_document::*;

fn good() -> Document {
    document(vec![route("shop", &["a.test"], vec![rule("beta", vec![prefix("/")])])])
}

fn refused(change: impl FnOnce(&mut Document)) -> String {
    let mut document = good();
    change(&mut document);
    match Snapshot::build(document) {
        Ok(_) => panic!("it was built"),
        Err(error) => error.to_string(),
    }
}

fn refused_rule(change: impl FnOnce(&mut Rule)) -> String {
    refused(|document| change(&mut document.routes[0].rules[0]))
}

fn refused_match(change: impl FnOnce(&mut Match)) -> String {
    refused_rule(|rule| change(&mut rule.matches[0]))
}

#[test]
fn a_snapshot_is_read_from_its_wire_form() {
    let mut document = good();
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    let body = vec![0, 159, 146, 150];
    document.routes[0].rules[0].action = Action::Respond { status: 200, headers, body: body.clone() };
    let bytes = rmp_serde::to_vec_named(&document).unwrap();
    let snapshot = Snapshot::parse(&bytes).unwrap();
    assert_eq!(Asked::get("a.test", "/").taken(&snapshot), Some("beta"));
    let gateway_core::route::Action::Respond(respond) = &snapshot.rules[0].action else { panic!("respond") };
    assert_eq!(respond.body, body);
}

#[test]
fn bytes_that_are_no_document_are_refused() {
    let bytes = rmp_serde::to_vec_named(&good()).unwrap();
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Snapshot::parse(&bytes[..cut]).is_err(), "{cut}");
    }
    assert!(Snapshot::parse(b"\xc0").unwrap_err().to_string().starts_with("the document cannot be read"));
}

#[test]
fn the_refusal_names_the_place() {
    let said = refused_match(|found| found.headers.push(wants("x-A", "1")));
    assert_eq!(
        said,
        "routes[shop].rules[beta].matches[0].headers[x-A]: the header name `x-A` is not in lower case"
    );
    let said = refused_match(|found| found.path = PathMatch::Regex { value: "/(".into() });
    assert!(
        said.starts_with("routes[shop].rules[beta].matches[0].path: the regex `/(` does not compile"),
        "{said}"
    );
}

#[test]
fn another_format_is_refused() {
    assert_eq!(refused(|document| document.format = 2), "format: format 2 is not 1");
}

/// The first refuses nothing, the second everything, and says which upstream cannot be verified.
#[test]
fn the_cas_of_the_system_may_be_unread_but_not_all() {
    let unread = serde_bytes::ByteBuf::from(b"unread");
    let mut document = good();
    document.upstreams[1].tls = Some(UpstreamTls { roots: None, ..tls_peer::upstream() });
    document.system_roots = vec![unread.clone(), serde_bytes::ByteBuf::from(tls_peer::CA)];
    assert_eq!(Snapshot::build(document.clone()).unwrap().unread_roots, 1);
    document.system_roots = vec![unread];
    assert_eq!(
        Snapshot::build(document).unwrap_err().to_string(),
        "upstreams[next].tls: the system has no CA that can be read (of 1)"
    );
}

#[test]
fn indexes_that_lead_nowhere_are_refused() {
    assert!(refused(|document| document.routes[0].listeners = vec![7]).contains("there is no listener 7"));
    let forward = Action::Forward { targets: vec![Target { upstream: 9, weight: 1 }] };
    assert!(refused_rule(|rule| rule.action = forward).contains("there is no upstream 9"));
    assert!(refused_rule(|rule| rule.action = Action::Ask { handler: 3 }).contains("there is no handler 3"));
}

#[test]
fn empty_lists_that_mean_nothing_are_refused() {
    assert!(refused(|document| document.routes[0].rules.clear()).contains("at least one rule"));
    assert!(refused_rule(|rule| rule.matches.clear()).contains("at least one match"));
    assert!(refused_rule(|rule| rule.action = Action::Forward { targets: vec![] }).contains("no target"));
}

#[test]
fn hosts_are_lower_case_names_without_port() {
    for host in ["A.test", "a.test:80", "", "*.", "a.test.", "*", "a*.test", "a.*.test", "é.test", "a/b"] {
        let said = refused(|document| document.routes[0].hosts = vec![host.into()]);
        assert!(said.contains("routes[shop].hosts") && said.contains("host name"), "{host}: {said}");
    }
    for host in ["a.test", "*.a.test", "[::1]", "127.0.0.1", "a_b", "localhost"] {
        let mut document = good();
        document.routes[0].hosts = vec![host.into()];
        assert!(Snapshot::build(document).is_ok(), "{host}");
    }
}

#[test]
fn paths_are_absolute_and_prefixes_end_without_slash() {
    for path in ["", "a", "/a?b", "/a#b", "/a b", "/a\\b"] {
        assert!(
            refused_match(|found| found.path = PathMatch::Exact { value: path.into() })
                .contains("absolute path")
        );
    }
    assert!(
        refused_match(|found| found.path = PathMatch::Prefix { value: "/a/".into() })
            .contains("ends with a slash")
    );
}

#[test]
fn values_that_ask_for_too_much_are_refused() {
    let huge = ValueTest::Regex { value: "(a{999}){999}".into() };
    let said = refused_match(|found| found.headers.push(ValueMatch { name: "x".into(), test: huge }));
    assert!(said.contains("does not compile"), "{said}");
    let said =
        refused_match(|found| found.headers = (0..65).map(|n| wants(&format!("x-{n}"), "1")).collect());
    assert!(said.contains("65 conditions are more than 64"), "{said}");
}

#[test]
fn answers_that_could_not_be_sent_are_refused() {
    let respond = |status, name: &str, value: &str, body: &[u8]| Action::Respond {
        status,
        headers: vec![(name.into(), value.into())],
        body: body.to_vec(),
    };
    for action in [
        respond(199, "a", "b", b""),
        respond(600, "a", "b", b""),
        respond(204, "a", "b", b"body"),
        respond(304, "a", "b", b"body"),
        respond(200, "a b", "c", b""),
        respond(200, "a", "b\r\nc: d", b""),
        respond(200, "content-length", "7", b""),
        Action::Redirect { status: 200, to: "/a".into(), keep_query: false },
        Action::Redirect { status: 301, to: "a".into(), keep_query: false },
        Action::Redirect { status: 301, to: "/a\r\nb: c".into(), keep_query: false },
        Action::Redirect { status: 301, to: "javascript:alert(1)".into(), keep_query: false },
    ] {
        let said = refused_rule(|rule| rule.action = action.clone());
        assert!(said.starts_with("routes[shop].rules[beta].action: "), "{action:?}: {said}");
    }
}

#[test]
fn rewrites_and_edits_are_checked() {
    let said = refused_rule(|rule| rule.rewrite.host = Some("a b".into()));
    assert!(said.contains("rewrite.host"), "{said}");
    let said = refused_rule(|rule| {
        rule.rewrite = Rewrite { path: Some("/a".into()), path_prefix: Some("/b".into()), host: None };
    });
    assert!(said.contains("exclude each other"), "{said}");
    assert!(refused_rule(|rule| rule.rewrite.path = Some("a".into())).contains("absolute path"));
    let said = refused_rule(|rule| rule.request_headers.remove.push("transfer-encoding".into()));
    assert!(said.contains("belongs to the codec"), "{said}");
    assert!(refused_match(|found| found.methods.push("GE T".into())).contains("`GE T` is not a method"));
}

#[test]
fn listeners_and_endpoints_are_checked() {
    assert!(
        refused(|document| document.listeners[0].scheme = "ftp".into()).contains("listeners[web].scheme")
    );
    let said = refused(|document| document.upstreams[0].endpoints[0].weight = 0);
    assert!(said.starts_with("upstreams[app].endpoints[127.0.0.1:3000]"), "{said}");
}

#[test]
fn a_snapshot_may_be_shared_by_workers_and_survive_a_panic_of_one() {
    fn shared<T: Send + Sync + std::panic::RefUnwindSafe>() {}
    shared::<Snapshot>();
}
