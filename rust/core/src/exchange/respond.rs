//! An upstream's answer begins: its head is read, what it means for the exchange is kept, and it goes on to the client.

use super::backward::{self, Returning};
use super::body::{Sink, pass, wires};
use super::grpc::Downward;
use super::{Answer, Link, Step};
use crate::http1::body::Decoder;
use crate::http1::head::{Framing, Known, Limits, Progress, Scan};
use crate::http1::response::{Answering, Response};
use crate::http2::Key;
use crate::net::Net;
use crate::reason::Reason;
use crate::route::Edits;
use crate::session::stream::Finish;
use crate::worker::Worker;
use crate::worker::downstream::{Down, Phase};
use crate::worker::table::Id;

/// How an answer with this framing is framed for the client.
struct Outgoing {
    chunked: bool,
    /// The end of the body is the end of the connection.
    until_close: bool,
    /// It came on a stream that has ended with its head.
    whole: bool,
    /// What differs for gRPC-Web.
    downward: Option<Downward>,
}

impl Outgoing {
    /// HTTP/1.0 has no chunks (RFC 9112 §6.1): what has no length ends with the connection.
    fn of(framing: Framing, minor: u8) -> Self {
        let open = matches!(framing, Framing::Chunked | Framing::UntilClose);
        Self { chunked: open && minor > 0, until_close: open && minor == 0, whole: false, downward: None }
    }
}

impl<N: Net> Worker<N> {
    /// Bytes of an answer's head, perhaps with some of its body.
    pub(crate) fn answer_head(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        fresh: &[u8],
    ) -> Option<Step> {
        let found = link.as_mut()?;
        if found.up.carry.is_empty() {
            return self.parse_answer(down, link, fresh);
        }
        found.up.carry.extend_from_slice(fresh);
        if !found.up.scan.complete(&found.up.carry, &Limits::default()) {
            return None;
        }
        let carry = std::mem::take(&mut found.up.carry);
        let step = self.parse_answer(down, link, &carry);
        self.buffers.give(carry);
        step
    }

    fn parse_answer(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
    ) -> Option<Step> {
        let mut response = std::mem::take(&mut self.response);
        let step = self.parse_heads(down, link, bytes, &mut response);
        self.response = response;
        step
    }

    /// Informational heads may come first (RFC 9110 §15.2), as many as fit into the bytes at hand.
    fn parse_heads(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        mut bytes: &[u8],
        response: &mut Response,
    ) -> Option<Step> {
        loop {
            let exchange = down.exchange.as_mut()?;
            let answering = Answering { head: exchange.is_head(), upgrade: exchange.upgrade };
            match response.parse(bytes, &Limits::default(), answering) {
                Err(_) => return Some(self.fail(down, link, Reason::UpstreamInvalid)),
                Ok(Progress::Partial) => {
                    let found = link.as_mut()?;
                    if !bytes.is_empty() {
                        found.up.carry = self.buffers.holding(bytes);
                        found.up.scan = Scan::new();
                        let _ = found.up.scan.complete(bytes, &Limits::default());
                    }
                    return None;
                }
                Ok(Progress::Complete) if response.status < 200 && response.status != 101 => {
                    if let Some(step) = self.pass_informational(down, link, bytes, response) {
                        return Some(step);
                    }
                    bytes = bytes.get(response.head_len as usize..).unwrap_or(&[]);
                    if bytes.is_empty() {
                        return None;
                    }
                }
                Ok(Progress::Complete) => return self.pass_head(down, link, bytes, response, None),
            }
        }
    }

    /// A client of HTTP/1.0 is never sent a 1xx (RFC 9110 §15.2).
    pub(crate) fn pass_informational(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
        response: &Response,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        self.buffers.give(std::mem::take(&mut exchange.replay));
        crate::fault::point("respond.informational");
        exchange.expects_continue &= response.status != 100;
        if exchange.minor == 0 {
            return None;
        }
        if let Some(stream) = &down.stream {
            self.stream_informational(stream.session, stream.key, bytes, response);
            return None;
        }
        self.out.clear();
        backward::write_informational(response, bytes, &mut self.out);
        let sent = down.io.send(&mut self.net, &self.out, &mut self.buffers);
        sent.is_err().then(|| self.fail(down, link, Reason::ClientGone))
    }

    /// The final head, and what came of the body with it, in one write. `stream_end`: it came on a stream, and whether
    /// the answer is whole with it.
    pub(crate) fn pass_head(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
        response: &Response,
        stream_end: Option<bool>,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        self.buffers.give(std::mem::take(&mut exchange.replay));
        let switching = response.status == 101 || response.upgrade;
        if switching && !exchange.request.is_done() {
            // The rest of a body in its framing would run into the other protocol.
            return Some(self.fail(down, link, Reason::UpstreamInvalid));
        }
        if !switching && exchange.would_switch(response.status) {
            return Some(self.fail(down, link, Reason::UpgradeRefused));
        }
        exchange.try_deadline = u64::MAX;
        exchange.status = match (switching, down.stream.is_some()) {
            (true, false) => 101,
            (true, true) => 200,
            (false, _) => response.status,
        };
        exchange.head_sent = true;
        let framing = if switching { Framing::None } else { response.framing };
        let whole = stream_end.unwrap_or(!framing.has_body());
        let downward = Self::downward(exchange, response, bytes, whole);
        let outgoing =
            Outgoing::of(if downward.is_some() { Framing::Chunked } else { framing }, exchange.minor);
        // What is still to come of the request cannot be told from a next one once the answer is over (RFC 9112 §9.6).
        exchange.keep_alive &=
            !outgoing.until_close && exchange.request.is_done() && !self.is_draining(down.listener);
        exchange.reusable = response.keep_alive && !switching;
        let decoder = Decoder::new(match stream_end.filter(|_| !switching) {
            None => framing,
            Some(true) => Framing::None,
            Some(false) => Framing::UntilClose,
        });
        if down.is_stream() {
            return self.stream_head(down, link, (response, bytes), decoder, downward);
        }
        let whole = stream_end == Some(true);
        self.socket_head(down, link, (response, bytes), decoder, &Outgoing { whole, downward, ..outgoing })
    }

    /// The final head for a client of HTTP/1, and what came of the body with it.
    fn socket_head(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        (response, bytes): (&Response, &[u8]),
        mut decoder: Decoder,
        outgoing: &Outgoing,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        let switching = response.status == 101 || response.upgrade;
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let date = self.lacks_date(response).then_some(self.date.1.as_bytes());
        let none = Edits::default();
        let edits = exchange.rule().map_or(&none, |rule| &rule.response_edits);
        let head = Returning { response, bytes, edits, date, downward: outgoing.downward };
        backward::write(&head, exchange, outgoing.chunked, &mut out);
        let rest = bytes.get(response.head_len as usize..).unwrap_or(&[]);
        let passed = if switching {
            out.extend_from_slice(rest);
            Ok(super::body::Passed { consumed: rest.len(), data: rest.len() })
        } else if outgoing.downward.is_some() {
            Ok(super::body::Passed { consumed: 0, data: 0 })
        } else {
            pass(&mut decoder, rest, outgoing.chunked, &mut out)
        };
        if outgoing.whole && outgoing.chunked && outgoing.downward.is_none() {
            super::body::end(&decoder, true, &mut out);
        }
        exchange.bytes_out += passed.map_or(0, |passed| passed.data as u64);
        crate::fault::point("respond.head");
        let done = decoder.is_done();
        exchange.grpc.heard(decoder.trailers());
        exchange.answer = Answer::Body { decoder, chunked: outgoing.chunked };
        let sent = down.io.send(&mut self.net, &out, &mut self.buffers);
        self.out = out;
        if let (Ok(()), Some(downward)) = (&sent, outgoing.downward) {
            return self.translate_rest(down, link, (response, bytes), downward);
        }
        let exchange = down.exchange.as_mut()?;
        exchange.reusable &= passed.is_ok_and(|passed| passed.consumed == rest.len());
        match (sent, passed) {
            (Err(_), _) => Some(self.fail(down, link, Reason::ClientGone)),
            (_, Err(_)) => Some(self.fail(down, link, Reason::UpstreamInvalid)),
            _ if switching => Some(self.open_tunnel(down, link)),
            _ if done => Some(self.finish(down, link)),
            _ => None,
        }
    }

    /// The final head for a client's stream, and what came of the body with it.
    fn stream_head(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        (response, bytes): (&Response, &[u8]),
        mut decoder: Decoder,
        downward: Option<Downward>,
    ) -> Option<Step> {
        let date = self.lacks_date(response).then_some(self.date.1.as_bytes());
        let switching = response.status == 101 || response.upgrade;
        let (exchange, stream) = (down.exchange.as_mut()?, down.stream.as_mut()?);
        let end = decoder.is_done() && !switching && downward.is_none();
        let status = exchange.status;
        let none = Edits::default();
        let edits = exchange.rule().map_or(&none, |rule| &rule.response_edits);
        let head = Returning { response, bytes, edits, date, downward };
        if let Some(session) = self.sessions.get(stream.session) {
            session.conn.head(stream.key, end, &mut session.out, |encoder, out| {
                backward::encode(&head, status, encoder, out);
            });
        }
        if end {
            stream.finish = Finish::Done;
        }
        self.sessions.touch(stream.session);
        crate::fault::point("respond.head");
        if let Some(downward) = downward {
            exchange.answer = Answer::Body { decoder, chunked: false };
            return self.translate_rest(down, link, (response, bytes), downward);
        }
        let rest = bytes.get(response.head_len as usize..).unwrap_or(&[]);
        let mut wires = wires!(self);
        let mut sink = Sink::new(&mut down.io, Some(stream), false);
        if switching {
            let _ = sink.put(rest, None, &mut wires);
            exchange.bytes_out += rest.len() as u64;
            exchange.answer = Answer::Body { decoder, chunked: false };
            return Some(self.open_tunnel(down, link));
        }
        let passed = sink.carry(&mut decoder, rest, &mut wires).passed;
        exchange.bytes_out += passed.as_ref().map_or(0, |passed| passed.data as u64);
        exchange.reusable &= passed.as_ref().is_ok_and(|passed| passed.consumed == rest.len());
        let done = decoder.is_done();
        exchange.grpc.heard(decoder.trailers());
        exchange.answer = Answer::Body { decoder, chunked: false };
        match (passed.is_err(), done) {
            (true, _) => Some(self.fail(down, link, Reason::UpstreamInvalid)),
            (_, true) => Some(self.finish(down, link)),
            _ => None,
        }
    }

    /// Whether an answer has no Date. Then `date` has just been looked at.
    fn lacks_date(&mut self, response: &Response) -> bool {
        let lacks = !response.fields.iter().any(|field| field.known == Known::Date);
        if lacks {
            self.date();
        }
        lacks
    }

    fn stream_informational(&mut self, session: Id, key: Key, bytes: &[u8], response: &Response) {
        if let Some(found) = self.sessions.get(session) {
            found.conn.informational(key, &mut found.out, |encoder, out| {
                backward::encode_informational(response, bytes, encoder, out);
            });
        }
        self.sessions.touch(session);
    }
}

impl<N: Net> Worker<N> {
    /// The upstream agreed to switch protocols (RFC 9110 §7.8): from here on the bytes are not ours.
    fn open_tunnel(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        crate::fault::point("tunnel.open");
        let early = std::mem::take(&mut down.carry);
        let Some(found) = link.as_mut() else { return Step::Reset };
        let mut wires = wires!(self);
        let mut sink = Sink::new(&mut found.up.io, found.up.stream.as_mut(), false);
        let sent = sink.put(&early, None, &mut wires);
        self.buffers.give(early);
        if sent.is_err() {
            return self.fail(down, link, Reason::UpstreamTruncated);
        }
        if let Some(exchange) = down.exchange.as_mut() {
            exchange.deadline = u64::MAX;
            exchange.keep_alive = false;
        }
        down.enter(Phase::Tunnel, self.now);
        Step::Again
    }
}
