//! The reader of answers: whole, byte by byte, and what it must refuse.

use super::{Answer, Fault, Progress};

fn whole(bytes: &[u8]) -> Result<(Progress, u16, bool), Fault> {
    let mut answer = Answer::new(false);
    let progress = answer.feed(bytes)?;
    Ok((progress, answer.status, answer.close))
}

fn byte_by_byte(bytes: &[u8]) -> Result<(Progress, u16, bool), Fault> {
    let mut answer = Answer::new(false);
    let mut progress = Progress::More;
    for byte in bytes {
        assert_eq!(progress, Progress::More, "done before the last byte");
        progress = answer.feed(std::slice::from_ref(byte))?;
    }
    Ok((progress, answer.status, answer.close))
}

const COMPLETE: &[(&[u8], u16, bool)] = &[
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, false),
    (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, false),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, false),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, false),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, true),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, false),
    (b"HTTP/1.1 503 No\r\nConnection: foo, close\r\nContent-Length: 1\r\n\r\nx", 503, true),
    (b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, false),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, false),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n", 200, false),
];

#[test]
fn complete_answers_end_at_their_last_byte_however_they_are_cut() {
    for &(bytes, status, close) in COMPLETE {
        let expected = Ok((Progress::Done, status, close));
        assert_eq!(whole(bytes), expected, "{}", bytes.escape_ascii());
        assert_eq!(byte_by_byte(bytes), expected, "{}", bytes.escape_ascii());
        for cut in 1..bytes.len() {
            let mut answer = Answer::new(false);
            assert_eq!(answer.feed(&bytes[..cut]), Ok(Progress::More));
            assert_eq!(answer.feed(&bytes[cut..]), Ok(Progress::Done), "cut at {cut}");
            assert_eq!(answer.end(true), Err(Fault::Short));
        }
    }
}

#[test]
fn malformed_answers_are_refused_however_they_are_cut() {
    let cases: &[&[u8]] = &[
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
    ];
    for bytes in cases {
        assert_eq!(whole(bytes), Err(Fault::Malformed), "{}", bytes.escape_ascii());
        assert_eq!(byte_by_byte(bytes), Err(Fault::Malformed), "{}", bytes.escape_ascii());
    }
}

#[test]
fn bytes_after_the_end_are_an_answer_that_nobody_asked_for() {
    assert_eq!(whole(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"), Err(Fault::Malformed));
}

#[test]
fn a_truncated_answer_never_looks_complete() {
    for &(bytes, ..) in COMPLETE {
        for cut in 1..bytes.len() {
            let mut answer = Answer::new(false);
            assert_eq!(answer.feed(&bytes[..cut]), Ok(Progress::More));
            assert_eq!(answer.end(true), Err(Fault::Short));
        }
    }
    assert_eq!(Answer::new(false).end(true), Err(Fault::Closed));
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    let mut answer = Answer::new(false);
    assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(Progress::More));
    assert_eq!(answer.feed(b"more"), Ok(Progress::More));
    assert_eq!((answer.end(true), answer.close), (Ok(()), true));
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mut answer = Answer::new(true);
    assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), Ok(Progress::Done));
}

#[test]
fn discarded_bytes_count_like_read_ones() {
    let mut answer = Answer::new(false);
    assert_eq!(answer.discardable(), 0);
    assert_eq!(answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"), Ok(Progress::More));
    assert_eq!(answer.discardable(), 8);
    assert_eq!(answer.discarded(5), Progress::More);
    assert_eq!(answer.discarded(3), Progress::Done);
    answer.restart();
    assert_eq!(answer.feed(b"HTTP/1.1 204 x\r\n\r\n"), Ok(Progress::Done));
}

#[test]
fn a_head_without_end_is_refused_at_its_limit() {
    let mut answer = Answer::new(false);
    let mut last = answer.feed(b"HTTP/1.1 200 OK\r\n");
    let line = [b"x: ".as_slice(), &[b'y'; 1000], b"\r\n"].concat();
    for _ in 0..100 {
        if last.is_err() {
            break;
        }
        last = answer.feed(&line);
    }
    assert_eq!(last, Err(Fault::Malformed));
}
