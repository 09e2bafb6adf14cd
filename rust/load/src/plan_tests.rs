//! The command line: what it means and how it complains.

use super::{Plan, parse};
use std::time::Duration;

fn plan(line: &str) -> Result<Plan, String> {
    parse(line.split('|').map(str::to_owned))
}

fn request(line: &str) -> String {
    plan(line).map(|p| String::from_utf8_lossy(&p.request).into_owned()).unwrap_or_else(|e| e)
}

#[test]
fn defaults_are_a_closed_loop_of_ten_seconds() -> Result<(), String> {
    let plan = plan("http://127.0.0.1:81")?;
    assert_eq!((plan.connections, plan.threads, plan.keep), (64, 1, true));
    assert_eq!((plan.duration, plan.requests, plan.rate), (Duration::from_secs(10), None, None));
    assert_eq!(plan.address.to_string(), "127.0.0.1:81");
    Ok(())
}

#[test]
fn the_request_is_what_the_options_say() {
    assert_eq!(request("http://127.0.0.1/a?b#c"), "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_eq!(request("http://127.0.0.1?b"), "GET /?b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_eq!(
        request("-m|POST|--body=3B|-H|host: x|--connection|new|http://127.0.0.1:8/"),
        "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\nhost: x\r\n\r\nxxx"
    );
}

#[test]
fn ipv6_and_units_are_understood() -> Result<(), String> {
    let plan = plan("http://[::1]:82/|-d|1.5s|--warmup|250ms|--timeout|2m|-r|1000.5")?;
    assert_eq!(plan.address.to_string(), "[::1]:82");
    assert_eq!(plan.duration, Duration::from_millis(1500));
    assert_eq!((plan.warmup, plan.timeout), (Duration::from_millis(250), Duration::from_secs(120)));
    assert_eq!(plan.rate, Some(1000.5));
    Ok(())
}

#[test]
fn mistakes_are_answered_with_the_right_way() {
    for (line, part) in [
        ("", "a URL is needed"),
        ("ftp://x/", "starts with http://"),
        ("http://127.0.0.1/|http://127.0.0.1/", "one URL"),
        ("http://127.0.0.1/|-c|0", "a number from 1"),
        ("http://127.0.0.1/|-d|10h", "like 10s"),
        ("http://127.0.0.1/|-r|-5", "requests per second"),
        ("http://127.0.0.1/|--body|4GB", "a size"),
        ("http://127.0.0.1/|-H|oops", "'name: value'"),
        ("http://127.0.0.1/|-H|a: b\r\nc: d", "control characters"),
        ("http://127.0.0.1/|--connection|maybe", "keep or new"),
        ("http://127.0.0.1/|-t|2|-c|1", "more threads"),
        ("http://127.0.0.1/|--frob|1", "unknown option --frob"),
        ("http://127.0.0.1/|-c", "needs a value"),
    ] {
        let answer = plan(line).err().unwrap_or_default();
        assert!(answer.contains(part), "{line}: {answer}");
    }
}
