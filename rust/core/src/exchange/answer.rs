//! Answers that the gateway makes itself: what a rule says, and what went wrong.
//!
//! Every answer about a fault carries `Proxy-Status` (RFC 9209) and a line of text with the reason that is also in the
//! access log and the metrics. If an answer had begun already, the connection is reset: half an answer must not look
//! like a whole one.

use super::begin::Incoming;
use super::grpc::reset_code;
use super::write::{decimal, status_digits};
use super::{Link, Step, Version};
use crate::http2::code::Code;
use crate::net::Net;
use crate::reason::Reason;
use crate::route::{Action, Rule, location};
use crate::session::stream::{Finish, Stream};
use crate::worker::Worker;
use crate::worker::downstream::{Down, Phase};

/// Reason phrases of the statuses that the gateway sends on its own account (RFC 9110 §15); others go without one.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// Append `HTTP/1.1 status phrase` CRLF.
pub fn status_line(status: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    status_digits(status, out);
    out.push(b' ');
    out.extend_from_slice(phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Append what went wrong as RFC 9209 has it; `name` is the gateway's.
pub fn proxy_status(name: &str, reason: Reason, text: &str, out: &mut Vec<u8>) {
    let error = reason.proxy_error();
    for part in
        ["Proxy-Status: ", name, "; error=", error, "; details=\"", reason.word(), ": ", text, "\"\r\n"]
    {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Whether an answer with this status has no body, whatever the request (RFC 9112 §6.3).
#[must_use]
pub fn bodiless(status: u16) -> bool {
    status < 200 || status == 204 || status == 304
}

impl<N: Net> Worker<N> {
    /// Something went wrong: answer if that is still possible, else cut.
    pub(crate) fn fail(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        reason: Reason,
    ) -> Step {
        if let Some(mut link) = link.take() {
            if down.phase == Phase::Tunnel {
                // Bytes without framing: only a reset says that this was not all of them.
                link.up.io.reset(&mut self.net);
            }
            self.close_up(link);
        }
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        if !exchange.head_sent && reason != Reason::ClientGone {
            return self.answer_reason(down, reason);
        }
        exchange.reason = reason;
        // What was passed through has no status of its own.
        if exchange.version == Version::Tls && exchange.status == 0 && reason != Reason::ClientGone {
            exchange.status = reason.status();
        }
        if let Some(stream) = down.stream.as_mut().filter(|stream| stream.code == Code::CANCEL) {
            stream.code = reset_code(reason);
        }
        self.conclude(down);
        Step::Reset
    }

    /// The request body is not what it claims to be: nothing more of it goes upstream.
    pub(crate) fn refuse_body(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        status: u16,
        text: &str,
    ) -> Step {
        if down.exchange.as_ref().is_some_and(|exchange| exchange.head_sent) {
            return self.fail(down, link, Reason::RequestInvalid);
        }
        if let Some(link) = link.take() {
            self.close_up(link);
        }
        self.answer_refusal(down, Reason::RequestInvalid, status, text)
    }

    /// Answer for a reason. The connection goes on if the request was whole.
    pub(crate) fn answer_reason(&mut self, down: &mut Down<N::Sock>, reason: Reason) -> Step {
        self.answer_fault(down, reason, reason.status(), reason.text())
    }

    /// Refuse a request: nothing that follows it on this connection is looked at.
    pub(crate) fn answer_refusal(
        &mut self,
        down: &mut Down<N::Sock>,
        reason: Reason,
        status: u16,
        text: &str,
    ) -> Step {
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.keep_alive = false;
        }
        self.answer_fault(down, reason, status, text)
    }

    /// Answer a request that cannot be served, after taking what came of its body.
    pub(crate) fn answer_own(
        &mut self,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        reason: Reason,
    ) -> Step {
        self.swallow(down, incoming);
        self.answer_reason(down, reason)
    }

    fn answer_fault(&mut self, down: &mut Down<N::Sock>, reason: Reason, status: u16, text: &str) -> Step {
        if down.exchange.as_ref().is_some_and(|exchange| exchange.grpc.call.is_some()) {
            return self.answer_call(down, reason, text);
        }
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        exchange.reason = reason;
        status_line(status, &mut out);
        proxy_status(&exchange.local.snapshot.name, reason, text, &mut out);
        out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
        let body = format!("{status} {}: {text}\n", reason.word());
        self.send_own(down, status, body.as_bytes(), out)
    }

    /// What a rule says is answered.
    pub(crate) fn answer_rule(
        &mut self,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        rule: &Rule,
    ) -> Step {
        self.swallow(down, incoming);
        let Action::Respond(respond) = &rule.action else {
            return self.answer_reason(down, Reason::Internal);
        };
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        status_line(respond.status, &mut out);
        out.extend_from_slice(&respond.lines);
        out.extend_from_slice(rule.response_edits.lines());
        self.send_own(down, respond.status, &respond.body, out)
    }

    /// Elsewhere (RFC 9110 §15.4).
    pub(crate) fn answer_redirect(
        &mut self,
        down: &mut Down<N::Sock>,
        incoming: &Incoming<'_>,
        rule: &Rule,
    ) -> Step {
        self.swallow(down, incoming);
        let Action::Redirect(redirect) = &rule.action else {
            return self.answer_reason(down, Reason::Internal);
        };
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        status_line(redirect.status, &mut out);
        out.extend_from_slice(b"Location: ");
        location(redirect, incoming.query(), &mut out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(rule.response_edits.lines());
        self.send_own(down, redirect.status, b"", out)
    }

    /// Take what came of a request body that nobody wants; the next request may stand behind it.
    fn swallow(&mut self, down: &mut Down<N::Sock>, incoming: &Incoming<'_>) {
        let Some(exchange) = down.exchange.as_mut() else { return };
        let mut rest = incoming.rest();
        while !exchange.request.is_done() && !rest.is_empty() {
            let Ok(step) = exchange.request.decode(rest) else {
                exchange.keep_alive = false;
                return;
            };
            exchange.bytes_in += step.data.len() as u64;
            rest = rest.get(step.consumed..).unwrap_or(&[]);
        }
        if !rest.is_empty() {
            down.carry = self.buffers.holding(rest);
        }
    }

    /// Send a whole answer whose head was begun in `out`, and end the exchange.
    pub(crate) fn send_own(
        &mut self,
        down: &mut Down<N::Sock>,
        status: u16,
        body: &[u8],
        mut out: Vec<u8>,
    ) -> Step {
        let Some(exchange) = down.exchange.as_mut() else { return Step::Reset };
        if exchange.would_switch(status) {
            self.out = out;
            return self.answer_reason(down, Reason::UpgradeRefused);
        }
        crate::fault::point("answer.own");
        exchange.status = status;
        exchange.head_sent = true;
        exchange.keep_alive &= exchange.request.is_done() && !self.draining.contains(&down.listener);
        let (keep_alive, minor) = (exchange.keep_alive || down.stream.is_some(), exchange.minor);
        let shown = if exchange.is_head() || bodiless(status) { &[] } else { body };
        exchange.bytes_out += shown.len() as u64;
        self.own_fields(&mut out, keep_alive, minor);
        if !bodiless(status) {
            out.extend_from_slice(b"Content-Length: ");
            decimal(body.len() as u64, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        if let Some(stream) = down.stream.as_mut() {
            self.send_lines(stream, status, &out, shown.is_empty());
            self.sessions.send(&mut down.io, stream, shown, true, &mut self.buffers);
            self.out = out;
            return self.finish(down, &mut None);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(shown);
        let sent = down.io.send(&mut self.net, &out, &mut self.buffers);
        self.out = out;
        if sent.is_err() {
            return self.fail(down, &mut None, Reason::ClientGone);
        }
        self.finish(down, &mut None)
    }

    /// Send a head of our own on a stream; `out` is a status line and the fields. `end`: there is no body.
    pub(crate) fn send_lines(&mut self, stream: &mut Stream, status: u16, out: &[u8], end: bool) {
        let line = memchr::memchr(b'\n', out).map_or(0, |at| at + 1);
        let fields = out.get(line..).unwrap_or(&[]);
        if let Some(session) = self.sessions.get(stream.session) {
            session.conn.head(stream.key, end, &mut session.out, |encoder, out| {
                encoder.status(status, out);
                encoder.lines(fields, out);
            });
        }
        if end {
            stream.finish = Finish::Done;
        }
        self.sessions.touch(stream.session);
    }

    /// Append the fields that every answer of our own has.
    pub(crate) fn own_fields(&mut self, out: &mut Vec<u8>, keep_alive: bool, minor: u8) {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(self.date());
        out.extend_from_slice(b"\r\n");
        if !keep_alive {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if minor == 0 {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
    }
}
