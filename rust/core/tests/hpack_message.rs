//! What RFC 9113 §8 asks of messages: what becomes a head, and what is refused for which cause.

mod hpack_wire;

use gateway_core::hpack::{Block, Decoder, Fault, Pseudo, TRAILERS};
use gateway_core::http1::head::{Cause, Field, Framing, Limits};
use gateway_core::http1::request::{Form, Method, Request};
use gateway_core::http1::response::{Answering, Response};
use hpack_wire::{literal, literals};

/// What becomes of these bytes as a block: faults of the block and of the message alike.
fn read<T>(wire: &[u8], limits: &Limits, take: impl Fn(&mut Block) -> Result<T, Cause>) -> Result<T, Cause> {
    let mut block = Block::new();
    match Decoder::new().decode(wire, limits, &mut block) {
        Ok(()) => take(&mut block),
        Err(Fault::Stream(cause)) => {
            assert!(take(&mut block).is_err_and(|found| found == cause), "the fault stays with the block");
            Err(cause)
        }
        Err(Fault::Connection(corrupt)) => unreachable!("these blocks are well-formed: {corrupt:?}"),
    }
}

struct Asked {
    request: Request,
    text: Vec<u8>,
}

fn ask_bytes(wire: &[u8], ends: bool) -> Result<Asked, Cause> {
    read(wire, &Limits::default(), |block| {
        let mut request = Request::new();
        block.request(ends, &mut request).map(|()| Asked { request, text: block.text.clone() })
    })
}

fn ask(fields: &[(&str, &str)], ends: bool) -> Result<Asked, Cause> {
    ask_bytes(&literals(fields), ends)
}

/// A sound request with these fields beside the pseudo-header fields.
fn with(fields: &[(&str, &str)]) -> Result<Asked, Cause> {
    ask(&[&GET[..], fields].concat(), false)
}

fn refused(fields: &[(&str, &str)]) -> Option<Cause> {
    ask(fields, false).err()
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/x?y=1")];

/// [`GET`] with the values of some pseudo-header fields changed; those without a value are left out.
fn changed<'a>(changes: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, &'a str)> {
    let value = |(name, value): (&'a str, &'a str)| {
        let change = changes.iter().find(|(other, _)| *other == name);
        change.map_or(Some(value), |(_, value)| *value).map(|value| (name, value))
    };
    let old = GET.into_iter().filter_map(value);
    let new = changes.iter().filter(|(name, _)| GET.iter().all(|(other, _)| other != name));
    old.chain(new.filter_map(|(name, value)| value.map(|value| (*name, value)))).collect()
}

fn line<'a>(field: &Field, text: &'a [u8]) -> &'a str {
    std::str::from_utf8(field.line.of(text)).unwrap_or("not text")
}

#[test]
fn a_request_is_the_head_that_http1_would_give() {
    let asked = with(&[("user-agent", "curl"), ("content-length", "5"), ("expect", "100-Continue")]).unwrap();
    let (request, text) = (&asked.request, &asked.text);
    assert_eq!(request.method, Method::Get);
    assert_eq!(request.method_text.of(text), b"GET");
    assert_eq!(request.scheme.of(text), b"https");
    assert_eq!(request.host.of(text), b"a.example");
    assert_eq!((request.form, request.path.of(text)), (Form::Origin, &b"/x"[..]));
    assert_eq!(request.query.map(|query| query.of(text)), Some(&b"y=1"[..]));
    assert_eq!(request.framing, Framing::Length(5));
    assert!(request.expect_continue && request.keep_alive && !request.upgrade && !request.te_trailers);
    let lines: Vec<_> = request.fields.iter().map(|field| line(field, text)).collect();
    assert_eq!(lines, ["user-agent: curl\r\n", "content-length: 5\r\n", "expect: 100-Continue\r\n"]);
    assert!(request.fields.iter().all(|field| field.plain && !field.hop));
}

#[test]
fn the_end_of_the_stream_says_where_a_body_ends() {
    let framing = |fields: &[(&str, &str)], ends| {
        ask(&[&GET[..], fields].concat(), ends).map(|asked| asked.request.framing)
    };
    assert_eq!(framing(&[], true), Ok(Framing::None));
    assert_eq!(framing(&[], false), Ok(Framing::Chunked));
    assert_eq!(framing(&[("content-length", "0")], true), Ok(Framing::Length(0)));
    assert_eq!(framing(&[("content-length", "7")], false), Ok(Framing::Length(7)));
    assert_eq!(framing(&[("content-length", "7")], true), Err(Cause::LengthContradicted));
    for (value, cause) in [
        ("", Cause::LengthInvalid),
        ("+5", Cause::LengthInvalid),
        ("5, 5", Cause::LengthInvalid),
        ("18446744073709551616", Cause::LengthOverflow),
    ] {
        assert_eq!(framing(&[("content-length", value)], false), Err(cause), "{value}");
    }
    let twice = [("content-length", "5"), ("content-length", "5")];
    assert_eq!(framing(&twice, false), Err(Cause::LengthRepeated));
}

#[test]
fn pseudo_header_fields_are_there_once_and_first() {
    for name in [":method", ":scheme", ":path"] {
        assert_eq!(refused(&changed(&[(name, None)])), Some(Cause::PseudoMissing), "{name}");
    }
    for pair in GET {
        assert_eq!(refused(&[&GET[..], &[pair]].concat()), Some(Cause::PseudoRepeated), "{pair:?}");
        let late = [&changed(&[(pair.0, None)])[..], &[("a", "b"), pair]].concat();
        assert_eq!(refused(&late), Some(Cause::PseudoOrder), "{pair:?}");
    }
    assert_eq!(refused(&changed(&[(":status", Some("200"))])), Some(Cause::PseudoUnexpected));
    assert_eq!(refused(&changed(&[(":foo", Some("x"))])), Some(Cause::PseudoUnknown));
    assert_eq!(refused(&changed(&[(":", Some("x"))])), Some(Cause::PseudoUnknown));
    assert_eq!(refused(&changed(&[(":Method", Some("x"))])), Some(Cause::PseudoUnknown));
    assert_eq!(refused(&[]), Some(Cause::PseudoMissing));
}

#[test]
fn cve_2021_39240_spaces_in_method_and_bad_schemes_are_refused() {
    for method in ["", "GET /admin HTTP/1.1", "G(T"] {
        assert_eq!(refused(&changed(&[(":method", Some(method))])), Some(Cause::MethodInvalid), "{method}");
    }
    let long = "M".repeat(33);
    assert_eq!(refused(&changed(&[(":method", Some(&long))])), Some(Cause::MethodTooLong));
    for scheme in ["", "ftp", "http://evil", "https "] {
        let cause = refused(&changed(&[(":scheme", Some(scheme))]));
        assert!(matches!(cause, Some(Cause::SchemeUnsupported | Cause::ValueSpace)), "{scheme}: {cause:?}");
    }
}

#[test]
fn cve_2021_39242_authority_and_host_may_not_differ() {
    assert_eq!(with(&[("host", "b.example")]).err(), Some(Cause::HostDiffers));
    assert_eq!(with(&[("host", "a.example"), ("host", "a.example")]).err(), Some(Cause::HostRepeated));
    assert!(with(&[("host", "A.example")]).is_ok());
    let host = ask(&changed(&[(":authority", None), ("host", Some("b.example"))]), true).unwrap();
    assert_eq!(host.request.host.of(&host.text), b"b.example");
    assert_eq!(refused(&changed(&[(":authority", None)])), Some(Cause::HostMissing));
    for authority in ["", "u@a.example", "a b", "a:b", "[::1"] {
        let cause = refused(&changed(&[(":authority", Some(authority))]));
        assert_eq!(cause, Some(Cause::TargetAuthority), "{authority}");
    }
    let host = refused(&changed(&[(":authority", None), ("host", Some("u@b"))]));
    assert_eq!(host, Some(Cause::HostInvalid));
}

#[test]
fn cve_2026_33186_a_path_begins_with_a_slash() {
    for (path, cause) in [
        ("", Cause::TargetByte),
        ("admin", Cause::TargetForm),
        ("*", Cause::TargetForm),
        ("?a", Cause::TargetForm),
        ("http://a.example/", Cause::TargetForm),
        ("/a b", Cause::TargetByte),
        ("/a#b", Cause::TargetFragment),
        ("/a?b c", Cause::TargetByte),
        ("/\u{e9}", Cause::TargetByte),
    ] {
        assert_eq!(refused(&changed(&[(":path", Some(path))])), Some(cause), "{path}");
    }
    let all = ask(&changed(&[(":method", Some("OPTIONS")), (":path", Some("*"))]), true).unwrap();
    assert_eq!((all.request.form, all.request.path.of(&all.text)), (Form::Asterisk, &b"*"[..]));
    let long = format!("/{}", "a".repeat(8192));
    assert_eq!(refused(&changed(&[(":path", Some(&long))])), Some(Cause::TargetTooLong));
}

#[test]
fn cve_2023_27491_no_control_byte_reaches_an_http1_line() {
    let get = literals(&GET);
    let field =
        |name: &[u8], value: &[u8]| ask_bytes(&[&get[..], &literal(0x00, name, value)].concat(), false).err();
    for byte in (0..0x20).chain([0x7f]).filter(|byte| *byte != b'\t') {
        assert_eq!(field(b"a", &[b'x', byte, b'y']), Some(Cause::ValueByte), "{byte:#x}");
        assert_eq!(field(&[b'x', byte], b"y"), Some(Cause::NameInvalid), "{byte:#x}");
        assert_eq!(
            refused(&[(":path", std::str::from_utf8(&[b'/', byte]).unwrap_or("\0"))]),
            Some(Cause::ValueByte)
        );
    }
    for name in [&b""[..], b"a b", b"a:", b"\xe9", b"(a)"] {
        assert_eq!(field(name, b"y"), Some(Cause::NameInvalid));
    }
    assert_eq!(field(b"Accept", b"y"), Some(Cause::NameUppercase));
    for value in [&b" x"[..], b"x ", b"\tx", b"x\t", b" "] {
        assert_eq!(field(b"a", value), Some(Cause::ValueSpace));
    }
    assert_eq!(field(b"a", b""), None);
    assert_eq!(field(b"a", b"x \t\xe9y"), None);
}

#[test]
fn a_fault_is_remembered_with_the_entry_and_the_name_can_still_be_used() {
    let (mut decoder, mut block) = (Decoder::new(), Block::new());
    let bad = [literals(&GET), literal(0x40, b"a", b"x\ny")].concat();
    let stream = Err(Fault::Stream(Cause::ValueByte));
    assert_eq!(decoder.decode(&bad, &Limits::default(), &mut block), stream);
    assert_eq!(decoder.decode(&[0x80 | 62], &Limits::default(), &mut block), stream);
    let name_only = [0x40 | 62, 1, b'z'];
    assert_eq!(decoder.decode(&name_only, &Limits::default(), &mut block), Ok(()));
    assert_eq!(block.text, b"a: z\r\n");
}

#[test]
fn fields_about_the_connection_are_refused() {
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        assert_eq!(with(&[(name, "x")]).err(), Some(Cause::ConnectionField), "{name}");
    }
    assert_eq!(with(&[("te", "gzip")]).err(), Some(Cause::TeUnsupported));
    assert_eq!(with(&[("te", "trailers"), ("te", "trailers, gzip")]).err(), Some(Cause::TeUnsupported));
    let asked = with(&[("te", "trailers")]).unwrap();
    assert!(asked.request.te_trailers && asked.request.fields.iter().all(|field| field.hop));
}

#[test]
fn crumbs_of_cookie_become_one_field() {
    let asked = with(&[("cookie", "a=b"), ("x", "y"), ("cookie", "c=d"), ("cookie", "e=f")]).unwrap();
    let lines: Vec<_> = asked.request.fields.iter().map(|field| line(field, &asked.text)).collect();
    assert_eq!(lines, ["x: y\r\n", "cookie: a=b; c=d; e=f\r\n"]);
    let empty = with(&[("cookie", ""), ("cookie", "a=b"), ("cookie", "")]).unwrap();
    assert_eq!(line(&empty.request.fields[0], &empty.text), "cookie: a=b\r\n");
    let alone = with(&[("cookie", "a=b")]).unwrap();
    assert_eq!(line(&alone.request.fields[0], &alone.text), "cookie: a=b\r\n");
}

#[test]
fn connect_is_known_with_and_without_a_protocol() {
    let plain = [(":method", "CONNECT"), (":authority", "a.example:443")];
    assert_eq!(refused(&plain), Some(Cause::MethodUnsupported));
    assert_eq!(refused(&changed(&[(":method", Some("CONNECT"))])), Some(Cause::PseudoUnexpected));
    assert_eq!(refused(&changed(&[(":protocol", Some("websocket"))])), Some(Cause::PseudoUnexpected));
    let extended = changed(&[(":method", Some("CONNECT")), (":protocol", Some("websocket"))]);
    let (method, upgrade) =
        ask(&extended, false).map(|asked| (asked.request.method, asked.request.upgrade)).unwrap();
    assert_eq!((method, upgrade), (Method::Connect, true));
    let protocol = read(&literals(&extended), &Limits::default(), |block| {
        Ok(block.pseudo(Pseudo::Protocol).map(|span| span.of(&block.text).to_vec()))
    });
    assert_eq!(protocol, Ok(Some(b"websocket".to_vec())));
    for protocol in ["", "web socket"] {
        let bad = changed(&[(":method", Some("CONNECT")), (":protocol", Some(protocol))]);
        assert_eq!(refused(&bad), Some(Cause::PseudoUnexpected), "{protocol}");
    }
}

fn answer(fields: &[(&str, &str)], answering: Answering, ends: bool) -> Result<Response, Cause> {
    read(&literals(fields), &Limits::default(), |block| {
        let mut response = Response::new();
        block.response(answering, ends, &mut response).map(|()| response)
    })
}

#[test]
fn a_response_has_one_status_of_three_digits() {
    let status = |status: &str| answer(&[(":status", status)], Answering::default(), false).map(|r| r.status);
    assert_eq!(status("200"), Ok(200));
    for bad in ["", "20", "2000", "+20", "2x0"] {
        assert_eq!(status(bad), Err(Cause::StatusLine), "{bad}");
    }
    assert_eq!((status("099"), status("600")), (Err(Cause::StatusCode), Err(Cause::StatusCode)));
    assert_eq!(status("101"), Err(Cause::SwitchUnasked));
    let fields = |fields: &[(&str, &str)]| answer(fields, Answering::default(), false).err();
    assert_eq!(fields(&[("a", "b")]), Some(Cause::PseudoMissing));
    assert_eq!(fields(&[(":status", "200"), (":path", "/")]), Some(Cause::PseudoUnexpected));
    assert_eq!(fields(&[(":status", "200"), ("connection", "close")]), Some(Cause::ConnectionField));
}

#[test]
fn a_response_ends_where_its_request_its_status_and_its_stream_say() {
    let head = Answering { head: true, upgrade: false };
    let length = [(":status", "200"), ("content-length", "3")];
    let framing =
        |fields: &[(&str, &str)], answering, ends| answer(fields, answering, ends).map(|r| r.framing);
    let plain = Answering::default();
    assert_eq!(framing(&length, plain, false), Ok(Framing::Length(3)));
    assert_eq!(framing(&length, plain, true), Err(Cause::LengthContradicted));
    assert_eq!(framing(&length, head, true), Ok(Framing::None));
    assert_eq!(framing(&[(":status", "200")], plain, false), Ok(Framing::Chunked));
    assert_eq!(framing(&[(":status", "200")], plain, true), Ok(Framing::None));
    assert_eq!(framing(&[(":status", "304"), ("content-length", "3")], plain, true), Ok(Framing::None));
    assert_eq!(framing(&[(":status", "103")], plain, false), Ok(Framing::None));
    assert_eq!(framing(&[(":status", "103")], plain, true), Err(Cause::InformationalEnd));
}

#[test]
fn only_a_success_answers_extended_connect_with_a_tunnel() {
    let asked = Answering { head: false, upgrade: true };
    let tunnel = |status, answering| answer(&[(":status", status)], answering, false).map(|r| r.upgrade);
    assert_eq!(tunnel("200", asked), Ok(true));
    assert_eq!(tunnel("403", asked), Ok(false));
    assert_eq!(tunnel("200", Answering::default()), Ok(false));
}

#[test]
fn trailers_keep_what_may_be_forwarded() {
    let trailers = |fields: &[(&str, &str)]| {
        read(&literals(fields), &TRAILERS, |block| {
            let mut lines = Vec::new();
            block.trailers(&mut lines).map(|()| lines)
        })
    };
    let kept = trailers(&[("grpc-status", "0"), ("content-length", "5"), ("if-match", "x"), ("a", "b")]);
    assert_eq!(kept, Ok(b"grpc-status: 0\r\na: b\r\n".to_vec()));
    assert_eq!(trailers(&[(":status", "200")]), Err(Cause::PseudoUnexpected));
    assert_eq!(trailers(&[("connection", "close")]), Err(Cause::ConnectionField));
    assert_eq!(trailers(&[("a", "b"); 65]), Err(Cause::TooManyFields));
    assert_eq!(trailers(&[("a", &"b".repeat(8192))]), Err(Cause::HeadTooLarge));
}
