//! TLS on both sides: handshakes that end well, badly or never, what requests on them are told, and their ends.

use gateway_core::document::{ClientAuthMode, Document, UpstreamProtocol, UpstreamTls};
use gateway_core::net::Address;
use gateway_core::reason::Reason;
use gateway_core::tls::Cause;
use gateway_core::worker::limits;

use super::house::MS;
use super::http::drain;
use super::plan;
use super::secure::{client, server};
use super::stage::{SERVER, Stage};
use super::tls_peer::{self, Wish};

const GET: &str = "GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n";

fn with_tls(mut document: Document, mode: ClientAuthMode) -> Document {
    let listener = &mut document.listeners[0];
    let mut tls = tls_peer::listener(vec![tls_peer::shop(), tls_peer::api()]);
    if mode != ClientAuthMode::Off {
        tls.client_auth = tls_peer::asking(mode).client_auth;
    }
    tls.handshake_timeout = 1_000;
    listener.tls = Some(tls);
    listener.scheme = "https".into();
    document
}

fn down(stage: &Stage, cause: Cause) -> u64 {
    stage.house.ledger.handshakes_down[cause as usize].get()
}

fn up(stage: &Stage, cause: Cause) -> u64 {
    stage.house.ledger.handshakes_up[cause as usize].get()
}

fn own() -> Stage {
    Stage::new(with_tls(plan::own(2), ClientAuthMode::Off))
}

#[test]
fn a_request_that_comes_with_the_end_of_the_handshake_is_forwarded() {
    let mut stage = Stage::new(with_tls(plan::plain(SERVER), ClientAuthMode::Off));
    let mut client = client(&mut stage, &Wish::default(), "shop.example");
    // Kept by the client until its Finished goes out: one flight.
    client.say(&mut stage, GET);
    let mut server = stage.server();
    let request = stage.request(&mut server);
    assert_eq!(request.field("x-forwarded-proto"), Some("https"));
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(client.hear(&mut stage).ends_with("\r\n\r\nok"));
    assert_eq!(down(&stage, Cause::Full), 1);
    client.speaker.heard.clear();
    client.say(&mut stage, GET);
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow");
    assert!(client.hear(&mut stage).ends_with("\r\n\r\nnow"), "the connection is kept");
}

#[test]
fn an_idle_connection_holds_no_bytes_and_its_end_is_told() {
    let mut stage = own();
    let mut client = client(&mut stage, &Wish::default(), "shop.example");
    client.say(&mut stage, GET);
    assert!(client.hear(&mut stage).starts_with("HTTP/1.1 200 "));
    let census = stage.house.worker.census();
    assert_eq!((census.carried, census.unsent_down), (0, 0));
    // The idle time of the plan.
    stage.pass(6_000);
    client.hear(&mut stage);
    assert!(client.is_told_the_end());
    assert!(client.speaker.end.is_some());
}

#[test]
fn a_handshake_that_takes_too_long_is_over() {
    let mut stage = own();
    let mut silent = stage.dial();
    let mut slow = stage.client("\x16\x03\x01\x02");
    stage.pass(900);
    stage.hear(&mut silent);
    assert!(silent.end.is_none());
    stage.pass(200);
    for speaker in [&mut silent, &mut slow] {
        stage.hear(speaker);
        assert!(speaker.end.is_some());
    }
    assert_eq!(down(&stage, Cause::Timeout), 2);
    assert_eq!(stage.house.worker.census().downs, 0);
}

/// It is not answered in plain text either, whatever it sends.
#[test]
fn a_client_that_speaks_tls_where_a_reload_has_taken_it_away_is_dismissed() {
    let mut stage = own();
    let mut client = client(&mut stage, &Wish::default(), "shop.example");
    let mut document = plan::own(2);
    document.generation = 2;
    stage.house.apply(document);
    client.say(&mut stage, GET);
    assert!(client.speaker.heard.is_empty());
    assert!(client.speaker.end.is_some());
    assert_eq!(down(&stage, Cause::Incompatible), 1);
}

#[test]
fn a_client_that_leaves_in_the_handshake_is_counted_and_forgotten() {
    let mut stage = own();
    let mut gone = stage.client("\x16\x03");
    gone.sock = None;
    stage.pass(5);
    assert_eq!(down(&stage, Cause::Gone), 1);
    assert_eq!(stage.house.worker.census().downs, 0);
}

#[test]
fn who_does_not_speak_tls_is_told_by_an_alert_and_nothing_is_routed() {
    let mut stage = own();
    let mut plain = stage.client("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    stage.hear(&mut plain);
    assert_eq!(plain.heard.first(), Some(&0x15), "an alert record");
    assert!(plain.end.is_some());
    assert_eq!(down(&stage, Cause::Malformed), 1);
}

#[test]
fn a_client_without_the_certificate_that_is_required_reads_the_alert() {
    let mut stage = Stage::new(with_tls(plan::own(2), ClientAuthMode::Required));
    let mut client = client(&mut stage, &Wish::default(), "shop.example");
    client.say(&mut stage, GET);
    let told = client.failed.clone().expect("an alert");
    assert_eq!(told, rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired));
    assert_eq!(down(&stage, Cause::NoCertificate), 1);
    assert!(client.speaker.heard.is_empty());
}

#[test]
fn the_identity_goes_upstream_and_nobody_can_claim_one() {
    let claim = "GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-Client-Cert: Hash=evil\r\n\r\n";
    let mut stage = Stage::new(with_tls(plan::plain(SERVER), ClientAuthMode::Optional));
    let wish = Wish { shows: Some("client"), ..Wish::default() };
    let mut shows = client(&mut stage, &wish, "shop.example");
    shows.say(&mut stage, claim);
    let mut server = stage.server();
    let request = stage.request(&mut server);
    let found: Vec<_> = request.all("x-forwarded-client-cert").collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("URI=spiffe://shop.example/orders") && !found[0].contains("evil"));
    let mut hides = client(&mut stage, &Wish::default(), "shop.example");
    hides.say(&mut stage, claim);
    let mut server = stage.server();
    assert_eq!(stage.request(&mut server).field("x-forwarded-client-cert"), None);
}

#[test]
fn without_tls_nobody_can_claim_an_identity_either() {
    let mut stage = Stage::plain();
    stage.client("GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: Hash=evil\r\n\r\n");
    let mut server = stage.server();
    assert_eq!(stage.request(&mut server).field("x-forwarded-client-cert"), None);
}

#[test]
fn a_host_that_the_certificate_is_not_for_is_misdirected() {
    let mut stage = own();
    for (host, status) in
        [("shop.example", 200), ("a.shop.example", 200), ("api.example", 421), ("other.example:443", 421)]
    {
        let mut client = client(&mut stage, &Wish::default(), "shop.example");
        client.say(&mut stage, &format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.hear(&mut stage);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    assert_eq!(stage.ended(Reason::Misdirected), 2);
}

#[test]
fn handshakes_wait_for_each_other_and_not_the_others_for_them() {
    let mut stage = own();
    let mut quick = client(&mut stage, &Wish::default(), "shop.example");
    quick.say(&mut stage, GET);
    quick.speaker.heard.clear();
    let mut crowd: Vec<_> = (0..20).map(|_| client(&mut stage, &Wish::default(), "shop.example")).collect();
    for member in &mut crowd {
        // Only the wire: nobody turns the engine meanwhile.
        let mut hello = Vec::new();
        member.tls.write_tls(&mut hello).unwrap();
        assert_eq!(member.speaker.sock.as_ref().unwrap().write(&hello).unwrap(), hello.len());
    }
    std::io::Write::write_all(&mut quick.tls.writer(), GET.as_bytes()).unwrap();
    let mut sealed = Vec::new();
    quick.tls.write_tls(&mut sealed).unwrap();
    quick.speaker.sock.as_ref().unwrap().write(&sealed).unwrap();
    let answered = |stage: &Stage| stage.ended(Reason::Ok);
    let (before, mut turns) = (answered(&stage), 0);
    while answered(&stage) == before {
        stage.house.turn();
        turns += 1;
        assert!(turns < 10, "the established connection waits for handshakes");
    }
    for member in &mut crowd {
        member.say(&mut stage, GET);
        assert!(member.hear(&mut stage).starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(down(&stage, Cause::Full), 21);
}

fn to_upstream(tls: UpstreamTls) -> Stage {
    let mut document = plan::plain(SERVER);
    document.upstreams[0].tls = Some(tls);
    Stage::new(document)
}

#[test]
fn a_request_waits_for_the_handshake_with_its_upstream() {
    let mut stage = to_upstream(tls_peer::upstream());
    let mut client = stage.client(GET);
    let mut server = server(&mut stage);
    assert!(server.hear(&mut stage).starts_with("GET /a HTTP/1.1\r\n"));
    server.say(&mut stage, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(stage.next(&mut client).ends_with("ok"));
    assert_eq!(up(&stage, Cause::Full), 1);
    // Tickets came and went; the connection is kept and serves again.
    server.speaker.heard.clear();
    stage.say(&mut client, GET);
    assert!(server.hear(&mut stage).starts_with("GET /a HTTP/1.1\r\n"));
    server.say(&mut stage, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow");
    assert!(stage.next(&mut client).ends_with("now"));
    assert_eq!(stage.house.worker.census().idle, 1);
}

/// A first step needs nothing from the upstream, so all of them could be taken at once.
#[test]
fn handshakes_with_upstreams_wait_for_each_other_too() {
    for protocol in [UpstreamProtocol::Http1, UpstreamProtocol::Auto] {
        let mut document = plan::plain(SERVER);
        document.upstreams[0].tls = Some(tls_peer::upstream());
        document.upstreams[0].protocol = protocol;
        let mut stage = Stage::new(document);
        let clients: Vec<_> = (0..12).map(|_| stage.dial()).collect();
        for client in &clients {
            client.sock.as_ref().unwrap().write(GET.as_bytes()).unwrap();
        }
        let (mut made, mut greeted) = (Vec::new(), 0);
        for _ in 0..100 {
            stage.house.net.alarm(stage.house.net.time() + MS);
            stage.house.turn();
            made.extend(std::iter::from_fn(|| stage.house.net.arrived(&Address::parse(SERVER).unwrap())));
            let fresh = made.iter().filter(|sock| !drain(sock, usize::MAX).0.is_empty()).count();
            assert!(fresh <= limits::TURN_HANDSHAKES, "{fresh} steps in one turn");
            greeted += fresh;
        }
        assert_eq!(greeted, clients.len(), "each had its turn");
    }
}

#[test]
fn an_upstream_that_cannot_prove_its_name_gets_no_request() {
    let wrong = UpstreamTls { server_name: Some("api.example".into()), ..tls_peer::upstream() };
    let mut stage = to_upstream(wrong);
    let mut client = stage.client(GET);
    let mut server = server(&mut stage);
    stage.told(&mut client, Reason::UpstreamCertificate);
    assert_eq!(server.hear(&mut stage), "");
    assert_eq!(
        server.failed,
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::BadCertificate)),
        "it is told why"
    );
    assert_eq!(up(&stage, Cause::WrongName), 1);
}

#[test]
fn an_upstream_that_does_not_speak_tls_is_an_error() {
    let mut stage = to_upstream(tls_peer::upstream());
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.say(&mut server, "HTTP/1.1 400 Bad Request\r\n\r\n");
    stage.told(&mut client, Reason::UpstreamTls);
    assert_eq!(up(&stage, Cause::Malformed), 1);
}

#[test]
fn an_upstream_that_never_ends_its_handshake_has_the_time_of_a_connection() {
    let mut stage = to_upstream(tls_peer::upstream());
    let mut client = stage.client(GET);
    let _server = stage.server();
    stage.pass(1_100);
    stage.told(&mut client, Reason::ConnectTimeout);
}

/// The answer ends with the connection; whether it may be believed depends on close_notify.
fn until_close(polite: bool) -> (Stage, String) {
    let mut stage = to_upstream(tls_peer::upstream());
    let mut client = stage.client(GET);
    let mut server = server(&mut stage);
    server.say(&mut stage, "HTTP/1.1 200 OK\r\n\r\nall of it");
    if polite {
        server.tls.send_close_notify();
        server.hear(&mut stage);
    }
    server.speaker.sock = None;
    let answer = stage.hear(&mut client);
    (stage, answer)
}

#[test]
fn an_answer_until_close_is_whole_with_close_notify_and_cut_without() {
    let (stage, answer) = until_close(true);
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(stage.ended(Reason::Ok), 1);
    let (stage, answer) = until_close(false);
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(stage.ended(Reason::UpstreamTruncated), 1);
}

#[test]
fn a_reload_that_turns_tls_on_leaves_the_pooled_connections_behind() {
    let mut stage = Stage::plain();
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(stage.next(&mut client).ends_with("ok"));
    assert_eq!(stage.house.worker.census().idle, 1);
    let mut document = plan::plain(SERVER);
    document.generation = 2;
    document.upstreams[0].tls = Some(tls_peer::upstream());
    stage.house.apply(document);
    stage.pass(5);
    assert_eq!(stage.house.worker.census().idle, 0);
    stage.say(&mut client, GET);
    let mut secure = super::secure::server(&mut stage);
    assert!(secure.hear(&mut stage).starts_with("GET /a "));
}

#[test]
fn a_proxy_header_comes_before_the_handshake_and_what_is_glued_to_it_belongs_to_tls() {
    let mut document = with_tls(plan::plain(SERVER), ClientAuthMode::Off);
    document.listeners[0].proxy_protocol = vec!["0.0.0.0/0".into(), "::/0".into()];
    let mut stage = Stage::new(document);
    let mut client = client(&mut stage, &Wish::default(), "shop.example");
    let mut first = b"PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n".to_vec();
    client.tls.write_tls(&mut first).unwrap();
    assert_eq!(client.speaker.sock.as_ref().unwrap().write(&first).unwrap(), first.len());
    client.say(&mut stage, GET);
    let mut server = stage.server();
    assert_eq!(stage.request(&mut server).field("x-forwarded-for"), Some("192.0.2.7"));
}
