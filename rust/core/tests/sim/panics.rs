//! A panic costs the connection that caused it: tried at every place that can be armed.

use gateway_core::document::{Action, Listener};
use gateway_core::fault;
use gateway_core::net::Address;
use gateway_core::sim::Manner;
use gateway_core::worker::border::{Command, Event};

use super::frames::{self, HELLO, head, request};
use super::http::End;
use super::panics_streams;
use super::plan::{self, forward, rule};
use super::promises;
use super::stage::{KIND, SERVER, Speaker, Stage};
use super::tls_peer;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SECURE: &str = "10.0.0.2:443";
const UPGRADE: &str = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

fn stage() -> Stage {
    let mut soon = rule("soon", "/soon", forward(0));
    soon.timeouts.request = 100;
    let ask = rule("ask", "/ask", Action::Ask { handler: 0 });
    let two = rule("two", "/two", forward(2));
    let rules = vec![rule("all", "/", forward(0)), ask, soon, rule("tls", "/tls", forward(1)), two];
    let mut upstreams = vec![plan::upstream("app", &[SERVER]), plan::upstream("secure", &[SECURE])];
    upstreams[1].tls = Some(tls_peer::upstream());
    let mut document = plan::document(rules, upstreams);
    let tls = tls_peer::listener(vec![tls_peer::shop()]);
    document.listeners.push(Listener { tls: Some(tls), ..plan::listener(1) });
    panics_streams::extend(&mut document);
    let stage = Stage::on(document, KIND);
    frames::serve(&stage);
    stage.house.net.serve(&Address::parse(SECURE).unwrap(), Manner::default());
    stage
}

/// Lead an exchange past the armed place, whichever it is. The client is the one that must be lost.
fn provoke(stage: &mut Stage, name: &'static str) -> Speaker {
    match name {
        "asked.ask" | "asked.hear" | "asked.body" => ask(stage, name),
        "tunnel.open" | "tunnel.pour" => talk(stage, name, UPGRADE, SWITCH),
        "relay.request" => {
            fault::arm(Some(name));
            let mut client = stage.client("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhi");
            stage.say(&mut client, "ho");
            client
        }
        "respond.informational" => talk(stage, name, GET, "HTTP/1.1 103 Early Hints\r\n\r\n"),
        "relay.body" | "relay.end" => {
            let client = stage.client(GET);
            let mut server = stage.server();
            stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
            fault::arm(Some(name));
            stage.say(&mut server, "ok");
            server.sock = None;
            stage.pass(5);
            client
        }
        "lease.leased" | "lease.replay" => pooled(stage, name),
        "handshake.step" => {
            fault::arm(Some(name));
            let mut client = Speaker { sock: stage.house.dial(1), heard: Vec::new(), end: None };
            stage.say(&mut client, "\x16\x03\x01");
            client
        }
        "lease.shake" => {
            fault::arm(Some(name));
            stage.client("GET /tls HTTP/1.1\r\nHost: a\r\n\r\n")
        }
        "finish.linger" => {
            // Answered before the request has ended: what still comes is discarded for a while.
            stage.manner(Manner { refuse: 1000, ..Manner::default() });
            fault::arm(Some(name));
            let client = stage.client("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi");
            stage.manner(Manner::default());
            client
        }
        "answer.own" => {
            fault::arm(Some(name));
            stage.client("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
        }
        "finish.overdue" => {
            let client = stage.client("GET /soon HTTP/1.1\r\nHost: a\r\n\r\n");
            let _silent = stage.server();
            fault::arm(Some(name));
            stage.pass(200);
            client
        }
        _ => talk(stage, name, GET, OK),
    }
}

fn talk(stage: &mut Stage, name: &'static str, request: &str, answer: &str) -> Speaker {
    fault::arm(Some(name));
    let client = stage.client(request);
    if fault::armed().is_some() {
        let mut server = stage.server();
        stage.say(&mut server, answer);
    }
    client
}

fn pooled(stage: &mut Stage, name: &'static str) -> Speaker {
    let mut client = stage.client(GET);
    let mut server = stage.server();
    stage.say(&mut server, OK);
    stage.hear(&mut server);
    fault::arm(Some(name));
    stage.say(&mut client, GET);
    server.sock = None;
    stage.pass(5);
    client
}

fn ask(stage: &mut Stage, name: &'static str) -> Speaker {
    fault::arm(Some(name));
    let client = stage.client("POST /ask HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    let asked = stage.house.events.iter().find_map(|event| match event {
        Event::Ask { id, .. } => Some(*id),
        _ => None,
    });
    if let Some(id) = asked {
        stage.house.command(Command::Fail { id, reason: gateway_core::reason::Reason::HandlerFailed });
        stage.pass(5);
    }
    client
}

/// One place: exactly one client is lost, the others are served, nothing leaks, the worker goes on.
fn contained(name: &'static str) {
    let mut stage = stage();
    stage.lenient = true;
    let mut bystander = stage.client(GET);
    let mut theirs = stage.server();
    stage.hear(&mut theirs);
    let mut idle = stage.dial();
    stage.pass(5);
    let mut lost = panics_streams::provoke(&mut stage, name).unwrap_or_else(|| provoke(&mut stage, name));
    assert_eq!(fault::armed(), None, "{name} was not passed");
    stage.hear(&mut lost);
    assert!(lost.end.is_some(), "{name}: the connection is lost");
    assert_eq!(stage.house.ledger.panics.get(), 1, "{name}");
    let told = stage.house.events.iter().filter(|event| matches!(event, Event::Panicked { .. })).count();
    assert_eq!(told, 1, "{name}");
    stage.say(&mut theirs, OK);
    assert!(stage.hear(&mut bystander).ends_with("ok"), "{name}: the one beside it is served");
    stage.say(&mut idle, GET);
    theirs = if stage.hear(&mut theirs).matches("GET").count() == 2 { theirs } else { stage.server() };
    stage.say(&mut theirs, OK);
    assert!(stage.hear(&mut idle).ends_with("ok"), "{name}: the idle one is served");
    assert_ne!(bystander.end, Some(End::Reset), "{name}");
    drop((lost, bystander, idle));
    stage.pass(30_000);
    if let Err(fault) = promises::nothing_left(&stage.house) {
        panic!("{name}: {fault}");
    }
}

/// Of our own panics nothing is printed.
fn quiet() {
    std::panic::set_hook(Box::new(|info| {
        let ours =
            info.payload().downcast_ref::<String>().is_some_and(|text| text.starts_with("fault armed at"));
        if !ours {
            eprintln!("{info}");
        }
    }));
}

#[test]
fn a_panic_at_any_place_costs_one_connection_and_leaves_no_trace() {
    quiet();
    let failed: Vec<_> = fault::POINTS
        .iter()
        .filter_map(|name| std::panic::catch_unwind(|| contained(name)).err().map(|_| *name))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// The same with streams on both sides: a place that a stream passes costs its connection, with its streams at once.
fn contained_among_streams(name: &'static str) -> bool {
    let mut stage = stage();
    stage.lenient = true;
    let mut bystander = stage.client(&(HELLO.to_owned() + &request(1, "/a")));
    let mut theirs = stage.server();
    stage.hear(&mut theirs);
    let before = stage.house.worker.census();
    fault::arm(Some(name));
    let mut lost = stage.client(&(HELLO.to_owned() + &request(1, "/a") + &request(3, "/two")));
    if fault::armed().is_some() {
        let (mut first, mut second) = (stage.server(), frames::server(&mut stage));
        stage.say(&mut first, OK);
        stage.say(&mut second, &head(1, &[(":status", "200")]));
        lost.sock.as_ref().unwrap().finish();
        stage.pass(5);
    }
    let met = fault::armed().is_none();
    fault::arm(None);
    stage.hear(&mut lost);
    assert!(
        lost.end.is_some() && lost.text().matches(":status").count() < 3,
        "{name}: the connection is lost"
    );
    assert_eq!(stage.house.ledger.panics.get(), u64::from(met), "{name}");
    let after = stage.house.worker.census();
    assert!(after.downs <= before.downs, "{name}: no stream outlives its connection: {after:?}");
    stage.say(&mut theirs, OK);
    assert!(stage.hear(&mut bystander).ends_with("ok"), "{name}: the one beside it is served");
    drop((lost, bystander, theirs));
    stage.pass(30_000);
    if let Err(fault) = promises::nothing_left(&stage.house) {
        panic!("{name}: {fault}");
    }
    met
}

#[test]
fn a_panic_where_streams_pass_costs_their_connection_and_leaves_no_trace() {
    quiet();
    let tried = |name: &&'static str| {
        std::panic::catch_unwind(|| contained_among_streams(name)).map_err(|_| *name).map(|met| (*name, met))
    };
    let (met, failed): (Vec<_>, Vec<_>) = fault::POINTS.iter().map(tried).partition(Result::is_ok);
    assert!(failed.is_empty(), "{failed:?}");
    let met: Vec<_> = met.into_iter().flatten().filter(|(_, met)| *met).map(|(name, _)| name).collect();
    assert!(met.len() >= 15, "{met:?}");
}
