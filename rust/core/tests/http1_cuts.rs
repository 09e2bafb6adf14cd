//! How the network cuts a message decides nothing: whole, byte by byte and cut anywhere, the answer is the same.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod http1_generate;

use gateway_core::http1::body::Decoder;
use gateway_core::http1::head::{Cause, Framing, Limits, Progress, Refusal, Scan};
use gateway_core::http1::request::Request;
use gateway_core::http1::response::{Answering, Response};
use http1_generate as generate;
use proptest::prelude::*;

const SMALL: Limits =
    Limits { header_bytes: 120, headers: 4, target_bytes: 12, name_bytes: 15, empty_lines: 2 };

/// The answers to every prefix, the whole last: each is `Partial` or what the whole gets.
fn check_prefixes(head: &[u8], mut parse: impl FnMut(&[u8]) -> Result<Progress, Refusal>) {
    let whole = parse(head);
    let mut decided = false;
    for end in 0..=head.len() {
        let answer = parse(&head[..end]);
        if answer == Ok(Progress::Partial) {
            assert!(!decided, "partial again at {end} of {}", head.escape_ascii());
        } else {
            assert_eq!(answer, whole, "at {end} of {}", head.escape_ascii());
            decided = true;
        }
    }
}

/// A caller that parses once and then only when [`Scan`] says so gets the same answer as one that always parses,
/// and no later than the end of the head.
fn check_scan(
    head: &[u8],
    limits: &Limits,
    cuts: &[prop::sample::Index],
    mut parse: impl FnMut(&[u8]) -> Result<Progress, Refusal>,
) {
    let whole = parse(head);
    let mut scan = Scan::new();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(head.len() + 1)).collect();
    ends.push(head.len());
    ends.sort_unstable();
    for end in ends {
        if scan.complete(&head[..end], limits) {
            let answer = parse(&head[..end]);
            if answer != Ok(Progress::Partial) {
                assert_eq!(answer, whole);
                return;
            }
        }
    }
    assert_ne!(whole, Ok(Progress::Complete), "the scan overlooked the end of {}", head.escape_ascii());
}

/// Everything a decoder says about `body` when it arrives cut at `cuts`: data, trailers, outcome, bytes consumed.
fn decode(body: &[u8], framing: Framing, cuts: &[usize]) -> (Vec<u8>, Vec<u8>, Result<bool, Cause>, usize) {
    let mut decoder = Decoder::new(framing);
    let (mut data, mut at, mut outcome) = (Vec::new(), 0, Ok(false));
    let mut ends = cuts.to_vec();
    ends.push(body.len());
    'pieces: for end in ends {
        while at < end && !decoder.is_done() {
            let piece = &body[at..end];
            match decoder.decode(piece) {
                Ok(step) => {
                    assert!(step.data.end <= step.consumed && step.consumed <= piece.len());
                    assert!(step.consumed > 0, "no progress");
                    data.extend_from_slice(&piece[step.data.clone()]);
                    at += step.consumed;
                    assert_eq!(step.done, decoder.is_done());
                }
                Err(refusal) => {
                    assert_eq!(decoder.decode(piece), Err(refusal), "a refusal is final");
                    outcome = Err(refusal.cause);
                    break 'pieces;
                }
            }
        }
    }
    if outcome.is_ok() {
        outcome = Ok(decoder.is_done());
    } else {
        at = 0;
    }
    (data, decoder.trailers().to_vec(), outcome, at)
}

fn check_cuts(body: &[u8], framing: Framing, cuts: &[prop::sample::Index]) {
    let whole = decode(body, framing, &[]);
    let bytes: Vec<usize> = (1..body.len()).collect();
    assert_eq!(decode(body, framing, &bytes), whole, "byte by byte: {}", body.escape_ascii());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len().max(1))).collect();
    cuts.sort_unstable();
    assert_eq!(decode(body, framing, &cuts), whole, "cut at {cuts:?}: {}", body.escape_ascii());
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn request_heads_mean_the_same_however_cut(head in generate::request(), cuts in cuts()) {
        let mut request = Request::new();
        for limits in [Limits::default(), SMALL] {
            check_prefixes(&head, |bytes| request.parse(bytes, &limits));
            check_scan(&head, &limits, &cuts, |bytes| request.parse(bytes, &limits));
        }
    }

    #[test]
    fn response_heads_mean_the_same_however_cut(head in generate::response(), cuts in cuts(), upgrade: bool) {
        let mut response = Response::new();
        let answering = Answering { head: false, upgrade };
        for limits in [Limits::default(), SMALL] {
            check_prefixes(&head, |bytes| response.parse(bytes, &limits, answering));
            check_scan(&head, &limits, &cuts, |bytes| response.parse(bytes, &limits, answering));
        }
    }

    #[test]
    fn bodies_mean_the_same_however_cut(body in generate::chunked(), length in 0..40u64, cuts in cuts()) {
        for framing in [Framing::Chunked, Framing::Length(length), Framing::UntilClose, Framing::None] {
            check_cuts(&body, framing, &cuts);
        }
    }

    #[test]
    fn a_request_used_again_remembers_nothing(first in generate::request(), second in generate::request()) {
        let limits = Limits::default();
        let (mut used, mut fresh) = (Request::new(), Request::new());
        let _ = used.parse(&first, &limits);
        let answer = fresh.parse(&second, &limits);
        prop_assert_eq!(used.parse(&second, &limits), answer);
        if answer == Ok(Progress::Complete) {
            prop_assert_eq!(format!("{used:?}"), format!("{fresh:?}"));
        }
    }

    #[test]
    fn any_bytes_are_answered_without_panic(bytes: Vec<u8>) {
        let limits = Limits::default();
        check_prefixes(&bytes, |bytes| Request::new().parse(bytes, &limits));
        check_prefixes(&bytes, |bytes| Response::new().parse(bytes, &limits, Answering::default()));
        check_cuts(&bytes, Framing::Chunked, &[]);
    }
}
