//! What one connection may do in a turn of its worker: its share, however much it has for it.

use gateway_core::sim::Chances;
use gateway_core::worker::limits::{SCRATCH, TURN_BYTES};

use super::http::drain;
use super::plan;
use super::stage::{KIND, SERVER, Speaker, Stage};

/// Bytes under way in one direction on the broad stage: more than the shares of all turns.
const BROAD: usize = 64 * TURN_BYTES;
const TURNS: usize = 30;
const UPLOAD: &str = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";

/// What comes out of one end in each turn while more than a share goes into the other.
fn flow(stage: &mut Stage, from: &Speaker, to: &Speaker) -> Vec<usize> {
    let more = vec![b'x'; 2 * TURN_BYTES];
    (0..TURNS)
        .map(|_| {
            let _ = from.sock.as_ref().unwrap().write(&more).unwrap();
            stage.house.turn();
            drain(to.sock.as_ref().unwrap(), usize::MAX).0.len()
        })
        .collect()
}

/// One share of each turn, to which the read that uses it up may add its rest; and no less.
fn is_fair(moved: &[usize]) -> bool {
    let all = moved.iter().sum::<usize>();
    moved.iter().all(|&bytes| bytes < TURN_BYTES + SCRATCH)
        && ((TURNS - 2) * TURN_BYTES..=TURNS * TURN_BYTES).contains(&all)
}

fn broad() -> (Stage, Speaker, Speaker) {
    let window = (BROAD as u64, BROAD as u64);
    let mut stage = Stage::on(plan::plain(SERVER), Chances { window, ..KIND });
    let client = stage.client(UPLOAD);
    let mut server = stage.server();
    stage.hear(&mut server);
    (stage, client, server)
}

/// It is told of news and has a share left from the last turn, both at once and in every turn: one share it is.
#[test]
fn a_request_that_comes_faster_than_it_is_read_has_one_share_of_each_turn() {
    let (mut stage, client, server) = broad();
    let moved = flow(&mut stage, &client, &server);
    assert!(is_fair(&moved), "{moved:?}");
}

#[test]
fn an_answer_that_comes_faster_than_it_is_read_has_one_share_of_each_turn() {
    let (mut stage, mut client, mut server) = broad();
    stage.say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    stage.hear(&mut client);
    let moved = flow(&mut stage, &server, &client);
    assert!(is_fair(&moved), "{moved:?}");
}
