//! How a client's connection goes on or ends: pipelines that nobody reads, refusals, stray line ends.

use gateway_core::sim::Chances;

use super::plan;
use super::stage::{KIND, Stage};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
/// Bytes under way in one direction on the narrow stage.
const NARROW: usize = 1_000;

/// A client that sends and never reads must not decide how much is held for it.
#[test]
fn pipelined_requests_of_a_client_that_does_not_read_are_no_longer_read() {
    let mut stage = Stage::on(plan::own(3_000), Chances { window: (NARROW as u64, NARROW as u64), ..KIND });
    let mut client = stage.dial();
    let mut sent = Vec::new();
    for _ in 0..300 {
        let sock = client.sock.as_ref().unwrap();
        let at = sent.len() % GET.len();
        if let Ok(count) = sock.write(&GET.as_bytes()[at..]) {
            sent.extend_from_slice(&GET.as_bytes()[at..at + count]);
        }
        stage.pass(1);
    }
    let census = stage.house.worker.census();
    assert!(sent.len() <= 3 * NARROW, "{} bytes were taken", sent.len());
    assert!(census.carried <= NARROW && census.unsent_down <= 2 * 3_500, "{census:?}");
    let requests = sent.len() / GET.len();
    let mut answers = 0;
    for _ in 0..requests * 5 {
        answers += stage.next(&mut client).matches("HTTP/1.1 200 OK\r\n").count();
        if answers == requests {
            return;
        }
    }
    panic!("{answers} of {requests}: those that were taken are answered");
}
