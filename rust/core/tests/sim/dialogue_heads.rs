//! Heads go on as they came where that is how they would be written, and are written anew where it is not: whoever reads
//! them cannot tell which.

use gateway_core::document::Rewrite;

use super::http::Message;
use super::plan;
use super::stage::{SERVER, Stage};

/// What the server is asked, as it came.
fn asked(says: &str) -> String {
    let mut stage = Stage::plain();
    stage.client(says);
    let mut server = stage.server();
    stage.hear(&mut server)
}

/// What the client is told, as it came.
fn told(says: &str) -> String {
    let mut stage = Stage::plain();
    let mut client = stage.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut server = stage.server();
    stage.hear(&mut server);
    stage.say(&mut server, says);
    stage.hear(&mut client)
}

fn lengths(head: &str) -> Vec<&str> {
    head.lines().filter_map(|line| line.strip_prefix("Content-Length: ")).collect()
}

#[test]
fn a_request_in_any_spelling_reaches_the_server_in_one() {
    let want = "GET /b?q=%2e HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\nX-Forwarded-For: ";
    for says in [
        "GET /b?q=%2e HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "\r\nGET /b?q=%2e HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "GET /b?q=%2e HTTP/1.0\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "GET /a/../b?q=%2e HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "GET //b?q=%2e HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "GET http://a.example/b?q=%2e HTTP/1.1\r\nHost: else\r\nX-One: 1\r\n\r\n",
        "GET /b?q=%2e HTTP/1.1\r\nHost:a.example\r\nX-One:   1  \r\n\r\n",
        "GET /b?q=%2e HTTP/1.1\r\nX-One: 1\r\nHost: a.example\r\n\r\n",
        "GET /b?q=%2e HTTP/1.1\r\nConnection: keep-alive\r\nHost: a.example\r\nX-One: 1\r\n\r\n",
        "GET /b?q=%2e HTTP/1.1\r\nHost: a.example\r\nConnection: x-two\r\nX-Two: 2\r\nX-One: 1\r\n\r\n",
    ] {
        assert!(asked(says).starts_with(want), "{says:?}: {}", asked(says));
    }
}

#[test]
fn what_a_rule_rewrites_is_not_sent_as_it_came() {
    for (rewrite, line, host) in [
        (Rewrite { host: Some("b".into()), ..Rewrite::default() }, "GET /a?q=1 HTTP/1.1", "b"),
        (Rewrite { path: Some("/b".into()), ..Rewrite::default() }, "GET /b?q=1 HTTP/1.1", "a"),
        (Rewrite { path_prefix: Some("/b".into()), ..Rewrite::default() }, "GET /b/a?q=1 HTTP/1.1", "a"),
    ] {
        let mut document = plan::plain(SERVER);
        document.routes[0].rules[0].rewrite = rewrite;
        let mut stage = Stage::new(document);
        stage.client("GET /a?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut server = stage.server();
        let asked: Message = stage.request(&mut server);
        assert_eq!((asked.line.as_str(), asked.all("Host").collect::<Vec<_>>()), (line, vec![host]));
    }
}

#[test]
fn a_length_is_sent_once_and_without_leading_zeros() {
    for written in ["2", "02", "0000002"] {
        let asked =
            asked(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {written}\r\nX-One: 1\r\n\r\nhi"));
        assert_eq!(lengths(&asked), ["2"], "{asked}");
        assert!(asked.ends_with("\r\n\r\nhi"), "{asked}");
        let told = told(&format!("HTTP/1.1 200 OK\r\nContent-Length:{written}\r\nX-One: 1\r\n\r\nhi"));
        assert_eq!(lengths(&told), ["2"], "{told}");
        assert!(told.ends_with("\r\n\r\nhi"), "{told}");
    }
    assert_eq!(lengths(&told("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), ["0"]);
    assert_eq!(lengths(&told("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")), [""; 0]);
    assert_eq!(lengths(&told("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n")), ["7"]);
}

#[test]
fn an_answer_in_any_spelling_reaches_the_client_in_one() {
    for (says, line) in [
        ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.0 200 OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.1 200 All right", "HTTP/1.1 200 All right"),
        ("HTTP/1.1 200 ", "HTTP/1.1 200 "),
        ("HTTP/1.1 200", "HTTP/1.1 200 "),
    ] {
        let told = told(&format!(
            "{says}\r\nX-One: 1\r\nConnection: x-two\r\nX-Two: 2\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(told.starts_with(&format!("{line}\r\nX-One: 1\r\nContent-Length: 0\r\nDate: ")), "{told}");
    }
}
