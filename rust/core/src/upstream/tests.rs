//! Groups, pools and leases over reloads.

use super::*;
use crate::document::Document;

fn snapshot(upstreams: &[(&str, &[&str])]) -> Snapshot {
    let upstreams = upstreams.iter().map(|(name, endpoints)| crate::document::Upstream {
        name: (*name).to_owned(),
        source: String::new(),
        balance: Balance::RoundRobin,
        endpoints: endpoints
            .iter()
            .map(|address| crate::document::Endpoint { address: (*address).to_owned(), weight: 1 })
            .collect(),
        max_idle: 4,
        idle_timeout: 1_000,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        http2: Http2::default(),
    });
    let document = Document {
        format: crate::document::FORMAT,
        generation: 1,
        name: "gateway".to_owned(),
        access_log: false,
        listeners: Vec::new(),
        routes: Vec::new(),
        upstreams: upstreams.collect(),
        system_roots: Vec::new(),
        handlers: Vec::new(),
    };
    Snapshot::build(document).expect("the document is sound")
}

fn id(slot: u32) -> Id {
    Id { slot, generation: 0 }
}

#[test]
fn an_endpoint_that_stays_keeps_its_pool_over_a_reload_and_one_that_goes_gives_it_up() {
    let (ledger, mut groups) = (Ledger::default(), Groups::default());
    let (numbers, _) = groups.apply(&snapshot(&[("app", &["127.0.0.1:1", "127.0.0.1:2"])]), &ledger);
    let first = groups.pick(numbers[0], 0).unwrap();
    let second = groups.pick(numbers[0], 0).unwrap();
    assert!(groups.release(first, id(1), &ledger).is_some());
    assert!(groups.release(second, id(2), &ledger).is_some());
    let (_, orphans) = groups.apply(&snapshot(&[("app", &["127.0.0.1:2", "127.0.0.1:3"])]), &ledger);
    assert_eq!(orphans, [id(1)]);
    assert_eq!((groups.lease(first, &ledger), groups.lease(second, &ledger)), (None, Some(id(2))));
}

#[test]
fn the_pool_is_last_in_first_out_and_bounded() {
    let (ledger, mut groups) = (Ledger::default(), Groups::default());
    let (numbers, _) = groups.apply(&snapshot(&[("app", &["127.0.0.1:1"])]), &ledger);
    let place = groups.pick(numbers[0], 0).unwrap();
    let taken: Vec<_> = (0..6).map(|slot| groups.release(place, id(slot), &ledger).is_some()).collect();
    assert_eq!(taken, [true, true, true, true, false, false]);
    assert_eq!(groups.lease(place, &ledger), Some(id(3)));
}

#[test]
fn a_number_given_to_another_upstream_never_confuses_what_began_under_the_former() {
    let (ledger, mut groups) = (Ledger::default(), Groups::default());
    let (numbers, _) = groups.apply(&snapshot(&[("old", &["127.0.0.1:1"])]), &ledger);
    let former = groups.pick(numbers[0], 0).unwrap();
    groups.begin(former, &ledger);
    groups.apply(&snapshot(&[("new", &["127.0.0.1:1"])]), &ledger);
    groups.end(former, &ledger);
    assert!(groups.release(former, id(9), &ledger).is_none());
    assert_eq!(ledger.endpoint(former.cells as usize).in_flight.get(), 0);
}

#[test]
fn names_come_and_go_without_growing_the_table() {
    let (ledger, mut groups) = (Ledger::default(), Groups::default());
    for turn in 0..100 {
        let (one, other) = (format!("a{turn}"), format!("b{}", turn / 2));
        let (numbers, _) =
            groups.apply(&snapshot(&[(&one, &["127.0.0.1:1"]), (&other, &["127.0.0.1:2"])]), &ledger);
        assert_ne!(numbers[0], numbers[1]);
        assert!(numbers.iter().all(|number| groups.pick(*number, 0).is_some()));
    }
    assert!(groups.groups.len() <= 4, "{} groups", groups.groups.len());
}
