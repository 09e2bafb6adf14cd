//! What gRPC changes about an exchange: its deadline, its head in both directions, our own answers, its outcome.
//!
//! Theory: `crate::grpc` knows the words; here they meet an exchange. A call is forwarded as any request is, with what is
//! left of its deadline in place of what its client said. Where a rule has gRPC-Web translated, the heads are edited here
//! and the bodies pass through a [`Translation`] on their way into a sink ([`super::body`]).
//!
//! Rules: a call that we cannot serve is answered in gRPC's words, whatever went wrong; a fault after the head of an
//! answer resets the stream, since half an answer has no outcome that we could tell.

use super::begin::{Incoming, after_ns};
use super::body::{Change, Sink, wires};
use super::{Answer, Exchange, Link, Step, answer};
use crate::grpc::call::{Call, TIMEOUT};
use crate::grpc::status::{self, Code};
use crate::grpc::timeout::{self, Malformed};
use crate::grpc::web::{self, Translation, is_outcome};
use crate::grpc::{Form, Kind};
use crate::http1::head::{Field, Framing};
use crate::http1::request::Request;
use crate::http1::response::Response;
use crate::http2::code::Code as Reset;
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Rule;
use crate::worker::Worker;
use crate::worker::downstream::Down;

/// What is said when the text form of gRPC-Web is not what it claims to be.
pub const NOT_BASE64: &str = "the body is not base64";

/// What an exchange knows of gRPC.
#[derive(Debug, Default)]
pub struct Grpc {
    /// The request, if it is a call.
    pub call: Option<Call>,
    /// How it ended, as far as somebody said so.
    pub outcome: Option<Code>,
    /// Its translation, if the rule wants one.
    pub web: Option<Box<Translation>>,
}

impl Grpc {
    /// Of a request.
    #[must_use]
    pub fn of(request: &Request, bytes: &[u8]) -> Self {
        Self { call: Call::of(request, bytes), outcome: None, web: None }
    }

    /// Which kind of call it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.call.map_or(Kind::Other, |call| call.kind)
    }

    /// The request's body has another length upstream.
    #[must_use]
    pub fn changes_request(&self) -> bool {
        self.web.as_ref().is_some_and(|web| web.changes_request())
    }

    /// The request's body was not what it claims to be.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.web.as_ref().is_some_and(|web| web.is_faulty())
    }

    /// For the sink that the request's body goes to.
    pub fn request(&mut self) -> Option<Change<'_>> {
        self.web.as_deref_mut().filter(|web| web.changes_request()).map(Change::Request)
    }

    /// For the sink that the answer's body goes to.
    pub fn answer(&mut self) -> Option<Change<'_>> {
        self.web.as_deref_mut().map(Change::Answer)
    }

    /// The trailers of an answer have come.
    pub fn heard(&mut self, trailers: &[u8]) {
        if self.call.is_some() {
            self.outcome = status::find(trailers).or(self.outcome);
        }
    }

    /// The head of an answer has come: it may say the outcome, and it says whether there is gRPC to translate.
    fn hear_head(&mut self, response: &Response, bytes: &[u8]) {
        if self.call.is_none() {
            return;
        }
        let said = response.fields.iter().find(|field| named(field, bytes, b"grpc-status"));
        self.outcome = said.map(|field| Code::read(field.value.of(bytes)));
        if Kind::of(content_type(&response.fields, bytes)) != Kind::Grpc {
            self.web = None;
        }
    }
}

fn named(field: &Field, bytes: &[u8], name: &[u8]) -> bool {
    field.name.of(bytes).eq_ignore_ascii_case(name)
}

fn content_type<'a>(fields: &[Field], bytes: &'a [u8]) -> &'a [u8] {
    let found = fields.iter().find(|field| named(field, bytes, b"content-type"));
    found.map_or(&[], |field| field.value.of(bytes))
}

impl Exchange {
    /// How the call ended: what was said, or what its client makes of what it got.
    #[must_use]
    pub fn outcome(&self) -> Option<Code> {
        self.grpc.call?;
        Some(self.grpc.outcome.unwrap_or(match self.reason {
            Reason::Ok => Code::of_http(self.status),
            reason => Code::of(reason),
        }))
    }

    /// What the head upstream says instead of what the client said.
    #[must_use]
    pub fn upward(&self, now: u64) -> Option<Upward> {
        self.grpc.call.map(|_| Upward {
            left: (self.deadline != u64::MAX).then(|| self.deadline.saturating_sub(now)),
            translated: self.grpc.web.is_some(),
        })
    }
}

/// What differs in the head of a call as it goes upstream.
#[derive(Debug, Clone, Copy)]
pub struct Upward {
    /// What is left of the deadline, ns.
    left: Option<u64>,
    /// It came as gRPC-Web.
    pub translated: bool,
}

impl Upward {
    /// Whether a field is left out.
    #[must_use]
    pub fn drops(&self, name: &[u8]) -> bool {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        is(TIMEOUT) || (self.translated && (is(b"content-type") || is(b"accept")))
    }

    /// Append the lines that are written anew.
    pub fn lines(&self, request: &Request, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(left) = self.left {
            out.extend_from_slice(b"grpc-timeout: ");
            timeout::write(left, out);
            out.extend_from_slice(b"\r\n");
        }
        if self.translated {
            out.extend_from_slice(b"content-type: ");
            web::request_type(content_type(&request.fields, bytes), out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// What differs in the head of an answer that is translated to gRPC-Web.
#[derive(Debug, Clone, Copy)]
pub struct Downward {
    form: Form,
    /// The outcome stood in the head and goes into the body.
    bare: bool,
}

impl Downward {
    /// Whether a field is left out: no trailers follow this head any more.
    #[must_use]
    pub fn drops(&self, name: &[u8]) -> bool {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        is(b"content-type") || is(b"trailer") || (self.bare && is_outcome(name))
    }

    /// Append the lines that are written anew.
    pub fn lines(&self, response: &Response, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"Content-Type: ");
        web::answer_type(content_type(&response.fields, bytes), self.form, out);
        out.extend_from_slice(b"\r\n");
    }

    /// The trailers that stood in the head.
    fn trailers(&self, response: &Response, bytes: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        let fields = response.fields.iter().filter(|field| self.bare && is_outcome(field.name.of(bytes)));
        for field in fields {
            super::write::line(field.name.of(bytes), field.value.of(bytes), &mut lines);
        }
        lines
    }
}

impl<N: Net> Worker<N> {
    /// What a call asks for itself: a deadline, and, if the rule has it so, a translation. `Some`: it was answered.
    pub(crate) fn begin_call(
        &mut self,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        rule: Option<&Rule>,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        let call = exchange.grpc.call?;
        let Ok(timeout) = call.timeout else {
            return Some(self.answer_refusal(down, Reason::RequestInvalid, 400, Malformed::TEXT));
        };
        if let Some(timeout) = timeout {
            exchange.deadline = exchange.deadline.min(after_ns(self.now, timeout));
        }
        if exchange.deadline <= self.now {
            return Some(self.answer_own(down, incoming, Reason::RequestTimeout));
        }
        if let (Kind::Web(form), Some(true)) = (call.kind, rule.map(|rule| rule.grpc_web)) {
            let asked = if incoming.request.framing.has_body() { call.asked } else { Form::Binary };
            let translation = Translation::new(asked, form);
            exchange.request_chunked |= translation.changes_request();
            exchange.grpc.web = Some(Box::new(translation));
        }
        None
    }

    /// How the head of an answer is changed for the client; `whole`: nothing follows it.
    pub(crate) fn downward(
        exchange: &mut Exchange,
        response: &Response,
        bytes: &[u8],
        whole: bool,
    ) -> Option<Downward> {
        exchange.grpc.hear_head(response, bytes);
        let form = exchange.grpc.web.as_ref()?.form();
        Some(Downward { form, bare: whole })
    }

    /// After the head of a translated answer: what came of the body with it.
    pub(crate) fn translate_rest(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        (response, bytes): (&Response, &[u8]),
        downward: Downward,
    ) -> Option<Step> {
        let rest = bytes.get(response.head_len as usize..).unwrap_or(&[]);
        let exchange = down.exchange.as_mut()?;
        let Answer::Body { decoder, chunked } = &exchange.answer else { return None };
        if !decoder.is_done() {
            return if rest.is_empty() { None } else { self.answer_body(down, link, rest) };
        }
        exchange.reusable &= rest.is_empty();
        let trailers = downward.trailers(response, bytes);
        let mut wires = wires!(self);
        let change = exchange.grpc.answer();
        let mut sink = Sink { change, ..Sink::new(&mut down.io, down.stream.as_mut(), *chunked) };
        Some(match sink.put(&[], Some(&trailers), &mut wires) {
            Ok(()) => self.finish(down, link),
            Err(_) => self.fail(down, link, Reason::ClientGone),
        })
    }

    /// Answer a call for a reason of our own: *Trailers-Only*, or for gRPC-Web its trailers as the body.
    pub(crate) fn answer_call(&mut self, down: &mut Down<N::Sock>, reason: Reason, text: &str) -> Step {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        let code = Code::of(reason);
        exchange.reason = reason;
        exchange.grpc.outcome = Some(code);
        answer::status_line(200, &mut out);
        answer::proxy_status(&exchange.local.snapshot.name, reason, text, &mut out);
        let message = [reason.word(), ": ", text];
        let mut body = Vec::new();
        match exchange.grpc.kind() {
            Kind::Web(form) => {
                out.extend_from_slice(b"Content-Type: ");
                web::answer_type(web::GRPC, form, &mut out);
                out.extend_from_slice(b"\r\n");
                // A page of another origin sees nothing without what the rule adds for it (CORS).
                let rules = &exchange.local.snapshot.rules;
                let rule = exchange.rule.and_then(|index| rules.get(index as usize));
                out.extend_from_slice(rule.map_or(&[], |rule| rule.response_edits.lines()));
                let mut lines = Vec::new();
                status::lines(code, &message, &mut lines);
                Translation::new(form, form).answer_end(&lines, &mut body);
            }
            _ => {
                out.extend_from_slice(b"Content-Type: application/grpc\r\n");
                status::lines(code, &message, &mut out);
            }
        }
        self.send_own(down, 200, &body, out)
    }
}

/// The code that resets a client's stream for this reason, where the answer had begun.
#[must_use]
pub fn reset_code(reason: Reason) -> Reset {
    match reason {
        Reason::RequestInvalid => Reset::PROTOCOL_ERROR,
        Reason::UpstreamClosed
        | Reason::UpstreamInvalid
        | Reason::UpstreamTruncated
        | Reason::HandlerFailed
        | Reason::Internal => Reset::INTERNAL_ERROR,
        // A deadline among them: PROTOCOL-HTTP2, *Client Cancellation*.
        _ => Reset::CANCEL,
    }
}

/// How a request's body is framed upstream.
#[must_use]
pub fn upward_framing(exchange: &Exchange, request: &Request) -> Framing {
    if exchange.grpc.changes_request() { Framing::Chunked } else { request.framing }
}
