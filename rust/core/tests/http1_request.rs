//! Request heads: what is understood, and what is refused and why. A test reads as: this head, that answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::http1::head::{Cause, Framing, Known, Limits, Progress, Refusal};
use gateway_core::http1::request::{Form, Method, Request};

fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let mut request = Request::new();
    match request.parse(head, &Limits::default())? {
        Progress::Complete => Ok(request),
        Progress::Partial => panic!("partial: {}", String::from_utf8_lossy(head)),
    }
}

/// A GET of `/` to host `h` with these further lines.
fn with(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n").into_bytes()
}

#[track_caller]
fn refused(head: impl AsRef<[u8]>, status: u16, cause: Cause) {
    assert_eq!(parse(head.as_ref()).map(|_| ()), Err(Refusal { status, cause }));
}

#[test]
fn a_request_is_taken_apart() {
    let head = b"POST /a/b?c=d HTTP/1.1\r\nHost: example.com:80\r\nContent-Length:5\r\nX-Other: \t y z \r\n\r\nhello";
    let request = parse(head).unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.method_text.of(head), b"POST");
    assert_eq!(request.form, Form::Origin);
    assert_eq!(request.path.of(head), b"/a/b");
    assert_eq!(request.query.map(|query| query.of(head)), Some(b"c=d".as_slice()));
    assert_eq!(request.host.of(head), b"example.com:80");
    assert_eq!(request.minor, 1);
    assert_eq!(request.framing, Framing::Length(5));
    assert_eq!(request.head_len as usize, head.len() - 5);
    assert!(request.keep_alive);
    let [host, length, other] = request.fields.as_slice() else { panic!("three fields") };
    assert_eq!((host.known, host.plain, host.hop), (Known::Host, true, false));
    assert_eq!((length.known, length.plain), (Known::ContentLength, false));
    assert_eq!((other.known, other.plain), (Known::Other, false));
    assert_eq!(other.name.of(head), b"X-Other");
    assert_eq!(other.value.of(head), b"y z");
    assert_eq!(other.line.of(head), b"X-Other: \t y z \r\n");
}

fn limited(head: &[u8], limits: Limits) -> Result<Progress, Refusal> {
    Request::new().parse(head, &limits)
}

// The request line: RFC 9112 §3.

#[test]
fn a_bad_method_is_refused() {
    for line in ["G(T / HTTP/1.1", " GET / HTTP/1.1", "GET", "\u{16}\u{3}\u{1}", "GET\t/ HTTP/1.1"] {
        refused(format!("{line}\r\nHost: h\r\n\r\n"), 400, Cause::MethodInvalid);
    }
    refused(format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(33)), 501, Cause::MethodTooLong);
}

#[test]
fn connect_is_answered_501() {
    refused("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501, Cause::MethodUnsupported);
}

#[test]
fn methods_are_case_sensitive() {
    assert_eq!(parse(b"get / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap().method, Method::Other);
    assert_eq!(parse(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap().method, Method::Head);
}

#[test]
fn a_bad_version_is_refused() {
    for version in
        ["http/1.1", "HTTP/1", "HTTP/1.", "HTTP/11", "HTTP/1.1 ", "HTTP/1.10", "HTTP/x.1", "HTCPCP/1.0", ""]
    {
        refused(format!("GET / {version}\r\nHost: h\r\n\r\n"), 400, Cause::VersionMalformed);
    }
    refused("GET /\r\n\r\n", 400, Cause::TargetByte);
}

#[test]
fn another_version_is_answered_505() {
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"] {
        refused(format!("GET / {version}\r\nHost: h\r\n\r\n"), 505, Cause::VersionUnsupported);
    }
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, Cause::VersionUnsupported);
}

#[test]
fn every_byte_that_is_not_visible_in_a_target_is_refused_and_no_other() {
    for byte in 0..=255u8 {
        for place in [&b"/"[..], b"/a/path/of/some/length", b"/a?query/of/some/length"] {
            let head = [b"GET ", place, &[byte], b"z HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
            match byte {
                b' ' => refused(head, 400, Cause::VersionMalformed),
                b'#' => refused(head, 400, Cause::TargetFragment),
                0x21..=0x7e => assert!(parse(&head).is_ok(), "{byte:#x}"),
                _ => refused(head, 400, Cause::TargetByte),
            }
        }
    }
}

#[test]
fn a_target_that_is_no_path_is_refused() {
    for target in ["a", "h:80", "?a", "*", "**", "ftp://h/", "http:/h", "http", "://h/", "http:h", "1://h/"] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), 400, Cause::TargetForm);
    }
    refused("GET  HTTP/1.1\r\nHost: h\r\n\r\n", 400, Cause::TargetByte);
    refused("OPTIONS *?a HTTP/1.1\r\nHost: h\r\n\r\n", 400, Cause::TargetForm);
}

#[test]
fn options_may_ask_for_the_server_as_a_whole() {
    let head = b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n";
    let request = parse(head).unwrap();
    assert_eq!((request.form, request.path.of(head), request.query), (Form::Asterisk, &b"*"[..], None));
}

#[test]
fn an_absolute_target_overrides_host() {
    for (target, host, path, query) in [
        ("http://a.example/x?y=/z?", "a.example", "/x", Some("y=/z?")),
        ("HTTPS://[::1]:8443/", "[::1]:8443", "/", None),
        ("http://a.example", "a.example", "/", None),
        ("http://a.example:80?q", "a.example:80", "/", Some("q")),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: other\r\n\r\n").into_bytes();
        let request = parse(&head).unwrap();
        assert_eq!(request.form, Form::Absolute);
        assert_eq!(request.host.of(&head), host.as_bytes());
        assert_eq!(request.path.of(&head), path.as_bytes());
        assert_eq!(request.query.map(|span| span.of(&head)), query.map(str::as_bytes));
    }
}

#[test]
fn an_absolute_target_with_a_bad_authority_is_refused() {
    for target in [
        "http:///x",
        "http://u@h/",
        "http://u:p@h/",
        "http://h:x/",
        "http://:80/",
        "http://[::1/",
        "http://a|b/",
    ] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), 400, Cause::TargetAuthority);
    }
}

// Host: RFC 9112 §3.2, RFC 9110 §7.2.

#[test]
fn a_missing_host_is_refused_in_http_1_1_only() {
    refused("GET / HTTP/1.1\r\n\r\n", 400, Cause::HostMissing);
    refused("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, Cause::HostMissing);
    refused("GET http://h/ HTTP/1.1\r\n\r\n", 400, Cause::HostMissing);
    assert!(parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().host.of(b"").is_empty());
}

#[test]
fn a_repeated_host_is_refused() {
    refused(with("Host: h\r\n"), 400, Cause::HostRepeated);
    refused("GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n", 400, Cause::HostRepeated);
}

#[test]
fn a_host_that_is_no_authority_is_refused() {
    for host in [
        "a b",
        "u@h",
        "h/",
        "h?",
        "h#",
        "h\\",
        "h:80:80",
        "h:+1",
        "h:65536",
        ":80",
        "[::1",
        "::1",
        "[]",
        "[::1]x",
        "[1.2.3.4]",
        "[fe80::1%25eth0]",
        "[v1.x]",
        "a%2",
        "a%zz",
        "\u{e9}",
        "<h>",
        "a\tb",
        "[::1]:x",
    ] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400, Cause::HostInvalid);
    }
}

#[test]
fn hosts_that_are_valid_are_taken() {
    for host in [
        "h",
        "a.example",
        "A.EXAMPLE:8080",
        "127.0.0.1:1",
        "[::1]",
        "[2001:db8::1]:443",
        "[::ffff:1.2.3.4]",
        "h:",
        "a_b",
        "h:0",
        "a%20b",
        "a-very-long-name.of.many.labels.example",
        "xn--bcher-kva.example",
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost:  {host} \r\n\r\n").into_bytes();
        assert_eq!(parse(&head).unwrap().host.of(&head), host.as_bytes());
    }
}

// Limits: RFC 6585 §5, RFC 9110 §15.5.15.

#[test]
fn a_head_of_exactly_the_limit_is_taken_and_one_byte_more_is_answered_431() {
    let head = with("X-A: b\r\n");
    let len = head.len() as u32;
    let limits = |header_bytes| Limits { header_bytes, ..Limits::default() };
    let too_large = Err(Refusal { status: 431, cause: Cause::HeadTooLarge });
    assert_eq!(limited(&head, limits(len)), Ok(Progress::Complete));
    assert_eq!(limited(&head, limits(len - 1)), too_large);
    assert_eq!(limited(&head[..head.len() - 1], limits(len - 2)), too_large, "before its end has come");
    assert_eq!(limited(&head[..head.len() - 1], limits(len - 1)), Ok(Progress::Partial));
}

#[test]
fn too_many_fields_are_answered_431() {
    let limits = |headers| Limits { headers, ..Limits::default() };
    let head = with("A: b\r\nB: c\r\n");
    assert_eq!(limited(&head, limits(3)), Ok(Progress::Complete));
    assert_eq!(limited(&head, limits(2)), Err(Refusal { status: 431, cause: Cause::TooManyFields }));
}

#[test]
fn a_long_target_is_answered_414() {
    let limits = |target_bytes| Limits { target_bytes, ..Limits::default() };
    let head = b"GET /a?bc HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(limited(head, limits(5)), Ok(Progress::Complete));
    let too_long = Err(Refusal { status: 414, cause: Cause::TargetTooLong });
    assert_eq!(limited(head, limits(4)), too_long);
    assert_eq!(limited(&head[..9], limits(4)), too_long, "before its end has come");
}

// The connection: RFC 9110 §7.6.1, §7.8, §10.1; RFC 9112 §9.3.

#[test]
fn the_connection_lives_on_as_version_and_options_say() {
    let lives = |version: &str, lines: &str| {
        parse(format!("GET / {version}\r\nHost: h\r\n{lines}\r\n").as_bytes()).unwrap().keep_alive
    };
    assert!(lives("HTTP/1.1", ""));
    assert!(!lives("HTTP/1.1", "Connection: close\r\n"));
    assert!(!lives("HTTP/1.1", "Connection: keep-alive, CLOSE\r\n"));
    assert!(!lives("HTTP/1.1", "Connection: x\r\nConnection: ,, close\r\n"));
    assert!(!lives("HTTP/1.0", ""));
    assert!(lives("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!lives("HTTP/1.0", "Connection: Keep-Alive, close\r\n"));
}

#[test]
fn hop_by_hop_fields_are_marked_and_those_that_connection_names() {
    let head = with(
        "Connection: X-A, te\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: x\r\n\
         Proxy-Connection: y\r\nTransfer-Encoding: chunked\r\nTrailer: z\r\n",
    );
    let request = parse(&head).unwrap();
    let kept: Vec<_> =
        request.fields.iter().filter(|field| !field.hop).map(|field| field.name.of(&head)).collect();
    assert_eq!(kept, [&b"Host"[..], b"X-B", b"Trailer"]);
    assert!(request.te_trailers);
}

#[test]
fn connection_cannot_name_host_or_content_length_cve_2024_45410() {
    let head = with(
        "Connection: Host, Content-Length, X-Forwarded-Host\r\nContent-Length: 3\r\nX-Forwarded-Host: e\r\n",
    );
    let request = parse(&head).unwrap();
    let hop: Vec<_> = request.fields.iter().filter(|field| field.hop).map(|field| field.known).collect();
    assert_eq!(hop, [Known::Connection, Known::XForwardedHost]);
}

#[test]
fn the_number_of_fields_that_connection_names_is_bounded() {
    let named = |count| with(&format!("Connection: {}\r\n", vec!["x"; count].join(",")));
    assert!(parse(&named(32)).is_ok());
    refused(named(33), 400, Cause::ConnectionOptions);
    assert!(parse(&with(&format!("Connection: {}x\r\n", "close,".repeat(5000)))).is_ok());
}

#[test]
fn an_upgrade_needs_both_halves_and_http_1_1() {
    assert!(parse(&with("Connection: Upgrade\r\nUpgrade: websocket\r\n")).unwrap().upgrade);
    assert!(!parse(&with("Upgrade: websocket\r\n")).unwrap().upgrade);
    assert!(!parse(&with("Connection: Upgrade\r\n")).unwrap().upgrade);
    let old = b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(!parse(old).unwrap().upgrade);
}

#[test]
fn an_upgrade_to_h2c_is_passed_over_so_that_nothing_tunnels_past_the_rules() {
    for protocol in ["h2c", "H2C", "websocket, h2c"] {
        let head = with(&format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AA\r\n"
        ));
        assert!(!parse(&head).unwrap().upgrade);
    }
}

#[test]
fn a_client_that_waits_for_100_is_known() {
    let waits = |lines| parse(&with(lines)).unwrap().expect_continue;
    assert!(waits("Expect: 100-Continue\r\nContent-Length: 5\r\n"));
    assert!(waits("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
    assert!(!waits("Expect: 100-continue\r\n"), "there is no body to wait with");
    assert!(!waits("Expect: else\r\nContent-Length: 5\r\n"));
    let old = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    assert!(!parse(old).unwrap().expect_continue);
}

#[test]
fn every_cause_has_words_of_its_own() {
    let mut texts: Vec<_> = Cause::ALL.iter().map(|cause| cause.text()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Cause::ALL.len());
}

#[test]
fn a_field_stays_small() {
    assert!(size_of::<gateway_core::http1::head::Field>() <= 32);
}
