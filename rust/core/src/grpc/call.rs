//! A request as a call: what its head says of gRPC. The one reading of it, for the worker and for explain.

use super::timeout::{self, Malformed};
use super::web::wanted;
use super::{Form, Kind};
use crate::http1::request::{Method, Request};

/// The field that says how long the client will wait.
pub const TIMEOUT: &[u8] = b"grpc-timeout";

/// A request that is gRPC or gRPC-Web.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Which, with the form in which a gRPC-Web client wants its answer.
    pub kind: Kind,
    /// The form of the request's own body.
    pub asked: Form,
    /// How long the client will wait, ns. Said twice it is malformed: the next one might take the other.
    pub timeout: Result<Option<u64>, Malformed>,
}

impl Call {
    /// What this head says; `None` if it is no call. Calls are POST (PROTOCOL-HTTP2), so other heads are not searched.
    #[must_use]
    pub fn of(request: &Request, bytes: &[u8]) -> Option<Self> {
        if request.method != Method::Post {
            return None;
        }
        let (kind, asked) = match Kind::of(values(request, bytes, b"content-type").next()?) {
            Kind::Other => return None,
            Kind::Grpc => (Kind::Grpc, Form::Binary),
            Kind::Web(asked) => (Kind::Web(wanted(asked, values(request, bytes, b"accept"))), asked),
        };
        let mut said = values(request, bytes, TIMEOUT);
        let timeout = match (said.next(), said.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => timeout::parse(value).map(Some),
            (Some(_), Some(_)) => Err(Malformed),
        };
        Some(Self { kind, asked, timeout })
    }
}

fn values<'a>(request: &'a Request, bytes: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let named = request.fields.iter().filter(move |field| field.name.of(bytes).eq_ignore_ascii_case(name));
    named.map(|field| field.value.of(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;
    use crate::http1::head::Limits;

    fn call(method: &str, fields: &str) -> Option<Call> {
        let head = format!("{method} /a.B/C HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut request = Request::new();
        request.parse(head.as_bytes(), &Limits::default()).unwrap();
        Call::of(&request, head.as_bytes())
    }

    #[test]
    fn a_call_is_a_post_with_a_content_type_of_grpc() {
        let found = call("POST", "Content-Type: application/grpc+proto\r\n").unwrap();
        assert_eq!(found, Call { kind: Kind::Grpc, asked: Form::Binary, timeout: Ok(None) });
        assert_eq!(call("GET", "Content-Type: application/grpc\r\n"), None);
        assert_eq!(call("POST", "Content-Type: text/plain\r\nAccept: application/grpc-web\r\n"), None);
        assert_eq!(call("POST", ""), None);
    }

    #[test]
    fn a_browser_says_how_it_wants_its_answer() {
        let found =
            call("POST", "content-type: application/grpc-web\r\naccept: application/grpc-web-text\r\n")
                .unwrap();
        assert_eq!((found.kind, found.asked), (Kind::Web(Form::Text), Form::Binary));
    }

    #[test]
    fn a_deadline_is_said_once_and_well() {
        let timeout = |lines: &str| {
            call("POST", &format!("content-type: application/grpc\r\n{lines}")).unwrap().timeout
        };
        assert_eq!(timeout("Grpc-Timeout: 5S\r\n"), Ok(Some(5_000_000_000)));
        assert_eq!(timeout("grpc-timeout: 5\r\n"), Err(Malformed));
        assert_eq!(timeout("grpc-timeout: 5S\r\ngrpc-timeout: 5S\r\n"), Err(Malformed));
    }
}
