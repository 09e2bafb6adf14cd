//! Listening sockets that pause, are removed, and stop: no request is lost without a word, nothing cut looks whole.

use gateway_core::document::Document;
use gateway_core::net::{Address, Net};
use gateway_core::reason::Reason;
use gateway_core::sim::{Chances, Manner};
use gateway_core::worker::border::{Command, Event};

use super::house::House;
use super::http::{End, find};
use super::plan;
use super::stage::{KIND, SERVER, Speaker, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD: &str = "GET /a HTTP/1.0\r\nHost: a\r\n\r\n";

/// A pause for want of descriptors belongs to the socket that had it.
#[test]
fn a_listener_that_was_paused_and_is_listened_on_again_accepts_again() {
    let house = House::with_descriptors(1, KIND, plan::own(2), 8);
    house.net.serve(&Address::parse(SERVER).unwrap(), Manner::default());
    let mut stage = Stage { house, lenient: false };
    let mut clients: Vec<_> = (0..7).map(|_| stage.dial()).collect();
    stage.pass(5);
    assert!(stage.house.ledger.accept_pauses.get() > 0);
    assert_eq!(stage.house.worker.census().downs, 6);
    stage.house.listen(0);
    stage.pass(5);
    clients.clear();
    stage.pass(10);
    for _ in 0..3 {
        let mut client = stage.client(GET);
        assert!(stage.hear(&mut client).starts_with("HTTP/1.1 200 "));
        // Longer than the pause, so that its timer has fired.
        stage.pass(150);
    }
    let turns = stage.house.ledger.turns.get();
    stage.pass(1_000);
    let turned = stage.house.ledger.turns.get() - turns;
    assert!(turned <= 5, "{turned} turns of a worker that has nothing to do");
}

/// The listener is another, and so is what it answers with.
fn without_the_listener(generation: u64) -> Document {
    let mut document = plan::own(7);
    document.generation = generation;
    document.listeners[0].key = 1;
    document
}

/// How often Trio was told that a listener has drained.
fn drained(stage: &Stage) -> usize {
    stage.house.events.iter().filter(|event| matches!(event, Event::Drained { .. })).count()
}

fn says_close(speaker: &Speaker) -> bool {
    find(&speaker.heard, b"\r\nConnection: close\r\n").is_some()
}

/// It has not been told to go yet, so nothing that it does is wrong.
#[test]
fn a_client_of_a_listener_that_a_reload_removed_is_answered_as_before_and_told_to_leave() {
    let mut stage = Stage::new(plan::own(2));
    let (mut kept, mut late) = (stage.client(GET), stage.dial());
    assert!(stage.next(&mut kept).ends_with("\r\n\r\nxx"));
    for generation in 2..5 {
        stage.house.apply(without_the_listener(generation));
        stage.pass(5);
        stage.say(&mut kept, GET);
        assert!(stage.next(&mut kept).ends_with("\r\n\r\nxx") && !says_close(&kept));
    }
    stage.say(&mut late, GET);
    assert!(stage.next(&mut late).ends_with("\r\n\r\nxx"), "accepted before the drain");
    stage.house.command(Command::Drain { listener: 0 });
    stage.pass(5);
    for client in [&mut kept, &mut late] {
        stage.say(client, GET);
        assert!(stage.next(client).ends_with("\r\n\r\nxx") && says_close(client));
        assert!(client.end.is_some(), "the connection ends");
    }
    stage.pass(5);
    assert_eq!(drained(&stage), 1);
    assert_eq!(stage.house.worker.census().retiring, 0, "the former snapshots are given back");
    assert_eq!(stage.ended(Reason::Ok), 7);
}

/// What Trio waits for before it asks anybody to go.
#[test]
fn a_listener_that_is_listened_on_no_more_says_so_and_its_clients_notice_nothing() {
    let mut stage = Stage::new(plan::own(2));
    let (mut kept, mut waiting) = (stage.client(GET), stage.dial());
    assert!(stage.next(&mut kept).ends_with("\r\n\r\nxx"));
    stage.house.command(Command::Unlisten { listener: 0 });
    stage.pass(5);
    let said = |event: &&Event| matches!(event, Event::Unlistened { worker: 0, listener: 0 });
    assert_eq!(stage.house.events.iter().filter(said).count(), 1);
    for client in [&mut kept, &mut waiting] {
        stage.say(client, GET);
        assert!(stage.next(client).ends_with("\r\n\r\nxx") && !says_close(client));
    }
    assert_eq!(drained(&stage), 0);
}

/// Its upstream has gone with it.
#[test]
fn an_upstream_stays_as_long_as_a_listener_drains_that_forwards_there() {
    let mut stage = Stage::plain();
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(stage.next(&mut client).ends_with("ok"));
    for generation in 2..4 {
        stage.house.apply(without_the_listener(generation));
        stage.pass(5);
        stage.say(&mut client, GET);
        stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert!(stage.next(&mut client).ends_with("ok"), "on the connection that was there");
    }
    assert_eq!(stage.house.worker.census().ups, 1);
    client.sock = None;
    stage.house.command(Command::Drain { listener: 0 });
    stage.pass(5);
    assert_eq!((drained(&stage), stage.house.worker.census().ups), (1, 0));
}

/// Nobody remembers it.
#[test]
fn a_connection_of_a_listener_that_no_snapshot_knows_is_answered_with_drained() {
    let mut stage = Stage::new(plan::own(2));
    stage.house.listen(9);
    let mut client = Speaker { sock: stage.house.dial(9), heard: Vec::new(), end: None };
    stage.say(&mut client, GET);
    stage.told(&mut client, Reason::Drained);
    assert!(says_close(&client));
    assert!(client.end.is_some(), "the connection ends");
}

/// Stop the worker and let it go, as its thread does; what the client then hears.
fn stopped(mut stage: Stage, client: &mut Speaker) -> String {
    stage.house.command(Command::Stop);
    stage.pass(5);
    let House { net, worker, .. } = stage.house;
    drop(worker);
    let sock = client.sock.as_ref().unwrap();
    for _ in 0..20 {
        net.alarm(net.time() + super::house::MS);
        net.clone().wait(&mut Vec::new(), 1);
        let (bytes, end) = super::http::drain(sock, usize::MAX);
        client.heard.extend(bytes);
        client.end = client.end.or(end);
    }
    client.text()
}

/// RFC 9112 §8: without a length an orderly end would say that this was all.
#[test]
fn stop_resets_an_answer_until_close_that_is_under_way() {
    let mut stage = Stage::plain();
    let mut client = stage.client(OLD);
    let mut server = stage.server();
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    assert!(stage.hear(&mut client).ends_with("\r\n\r\nok"));
    stopped(stage, &mut client);
    assert_eq!(client.end, Some(End::Reset));
}

/// The exchange is over, but its last bytes wait for the client.
#[test]
fn stop_resets_an_answer_until_close_that_the_client_has_not_taken() {
    let mut stage = Stage::on(plan::plain(SERVER), Chances { window: (1_000, 1_000), ..KIND });
    let mut client = stage.client(OLD);
    let mut server = stage.server();
    // It fits into the server's window as it is, and into the client's no more with the head that is written anew.
    let body = "x".repeat(0x3a2);
    stage.hear(&mut server);
    stage.say(
        &mut server,
        &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3a2\r\n{body}\r\n0\r\n\r\n"),
    );
    assert_eq!((stage.ended(Reason::Ok), stage.house.worker.census().exchanges), (1, 0));
    let heard = stopped(stage, &mut client);
    assert!(!heard.ends_with(&body));
    assert_eq!(client.end, Some(End::Reset));
}

/// What a client cannot mistake for whole may end in order, and what is idle must.
#[test]
fn stop_closes_what_is_idle_in_order() {
    let mut stage = Stage::new(plan::own(2));
    let mut client = stage.client(GET);
    assert!(stage.hear(&mut client).ends_with("xx"));
    stopped(stage, &mut client);
    assert_eq!(client.end, Some(End::Orderly));
}
