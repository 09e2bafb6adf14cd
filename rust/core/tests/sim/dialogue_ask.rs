//! Requests that handlers answer: what a stalled Trio and a stalled client may cost.

use gateway_core::document::Action;
use gateway_core::reason::Reason;
use gateway_core::sim::Chances;
use gateway_core::worker::border::{Command, Event};
use gateway_core::worker::limits;

use super::http::End;
use super::plan::{self, rule};
use super::stage::{KIND, Stage};

fn stage(chances: Chances) -> Stage {
    Stage::on(plan::document(vec![rule("ask", "/", Action::Ask { handler: 0 })], vec![]), chances)
}

/// A cheap connection never buys Python's attention: what Trio has not heard is bounded, and nothing of it is lost.
#[test]
fn clients_that_ask_and_leave_while_trio_is_stalled_lose_no_event() {
    let mut stage = stage(KIND);
    stage.house.stalled = true;
    for _ in 0..300 {
        let clients: Vec<_> = (0..30).filter_map(|_| stage.house.dial(0)).collect();
        for client in &clients {
            client.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
        // Each pass checks that no event was lost.
        stage.pass(4);
        clients.into_iter().for_each(gateway_core::sim::Sock::reset);
        stage.pass(4);
    }
    assert!(stage.house.border.events.len() <= limits::EVENTS_SPARE + 2 * limits::ASKS);
    assert!(stage.ended(Reason::HandlersBusy) > 0);
    stage.house.stalled = false;
    stage.pass(5);
    let mut client = stage.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(stage.hear(&mut client), "", "a handler is asked again");
}

/// RFC 9112 §6.3: without a length the end of the connection is the end of the answer.
#[test]
fn an_answer_until_close_that_the_client_does_not_take_ends_with_a_reset() {
    let mut stage = stage(Chances { window: (4_000, 4_000), ..KIND });
    let mut client = stage.client("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let asked = stage.house.events.iter().find_map(|event| match event {
        Event::Ask { id, .. } => Some(*id),
        _ => None,
    });
    let id = asked.unwrap();
    let data = vec![b'x'; 3_000];
    stage.house.command(Command::Answer {
        id,
        status: 200,
        fields: vec![],
        data: data.clone(),
        end: false,
        length: None,
    });
    stage.house.command(Command::Send { id, data, end: true });
    stage.pass(u64::from(plan::TIMEOUTS.idle) * 2 + 100);
    let heard = stage.hear(&mut client);
    assert!(heard.len() < 6_000, "{}", heard.len());
    assert_eq!(client.end, Some(End::Reset));
}
