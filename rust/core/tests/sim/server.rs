//! Scripted upstream servers: one per connection, each answer by a behaviour out of chance.

use gateway_core::sim::{Network, Sock};

use super::book::{Book, Planned};
use super::dice::{Dice, Pace, pattern};
use super::house::MS;
use super::http::{End, Message, Reader, chunked, drain, push};

/// How the bytes of an answer stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The connection goes on.
    None,
    /// Closed in order.
    Close,
    Reset,
    /// Nothing more, for ever.
    Stall,
}

/// An answer that is being written.
struct Answering {
    tag: String,
    sight: usize,
    /// It is not written before this time, ns.
    from: u64,
    out: Vec<u8>,
    cut: Cut,
    tunnel: bool,
}

pub struct Server {
    sock: Option<Sock>,
    reader: Reader,
    served: u32,
    /// The head of the request in hand was seen.
    seen: Option<(String, usize)>,
    answering: Option<Answering>,
    pace: Pace,
    next: u64,
    /// It closes when it has been idle so long, ns.
    patience: u64,
    idle_since: u64,
    tunnel: Option<String>,
    /// Chances in 100 that an answer goes wrong.
    mischief: u64,
}

impl Server {
    pub fn new(sock: Sock, net: &Network, dice: &mut Dice, mischief: u64) -> Self {
        let pace = Pace::drawn(dice);
        let patience = if dice.percent(20) { dice.from(0, 500) * MS } else { u64::MAX };
        Self {
            sock: Some(sock),
            reader: Reader::of_requests(),
            served: 0,
            seen: None,
            answering: None,
            pace,
            next: 0,
            patience,
            idle_since: net.time(),
            tunnel: None,
            mischief,
        }
    }

    pub fn is_gone(&self) -> bool {
        self.sock.is_none()
    }

    pub fn act(&mut self, net: &Network, dice: &mut Dice, book: &mut Book) {
        let now = net.time();
        if now < self.next {
            return;
        }
        self.pace.moved(1);
        let mut busy = self.listen(net, dice, book);
        self.speak(net, book);
        busy |= self
            .answering
            .as_ref()
            .is_some_and(|answering| !answering.out.is_empty() && now >= answering.from);
        let idle = self.answering.is_none() && self.reader.is_between() && self.tunnel.is_none();
        if idle && self.patience != u64::MAX {
            if now >= self.idle_since.saturating_add(self.patience) {
                self.sock = None;
            } else {
                net.alarm(self.idle_since + self.patience);
            }
        }
        if self.sock.is_some() && busy && self.pace.pause() > 0 {
            self.next = now + self.pace.pause();
            net.alarm(self.next);
        }
    }

    /// Returns whether anything came.
    fn listen(&mut self, net: &Network, dice: &mut Dice, book: &mut Book) -> bool {
        let Some(sock) = &self.sock else { return false };
        let (bytes, end) = drain(sock, self.pace.read());
        if self.tunnel.is_some() {
            // What clients say in tunnels is checked where it was sent: the pattern of the tag, as far as it came.
            self.tunnelled(&bytes, end, book);
            return !bytes.is_empty();
        }
        self.reader.feed(&bytes);
        self.requests(net, dice, book);
        if end.is_some() {
            self.sock = None;
        }
        !bytes.is_empty()
    }

    fn requests(&mut self, net: &Network, dice: &mut Dice, book: &mut Book) {
        if self.answering.is_some() && self.seen.is_none() {
            return;
        }
        match self.reader.next(false) {
            Ok(Some(message)) => {
                let (tag, _) = self.see(&message, net, dice, book);
                book.arrived(&tag, &message.body, Some(&message.trailers));
                self.seen = None;
                self.idle_since = net.time();
            }
            Ok(None) => {
                if let Some(head) = self.reader.begun().cloned() {
                    self.see(&head, net, dice, book);
                }
            }
            Err(fault) => book.fault(format!("a server was sent nonsense: {fault}")),
        }
    }

    /// The head of a request is there, seen now or before.
    fn see(&mut self, message: &Message, net: &Network, dice: &mut Dice, book: &mut Book) -> (String, usize) {
        if let Some(seen) = &self.seen {
            return seen.clone();
        }
        let tag = message.field("x-tag").unwrap_or("").to_owned();
        if !message.word(1).ends_with(&tag) || message.field("via").is_none() {
            book.fault(format!("{tag} was forwarded as {message:?}"));
        }
        let seen = (tag.clone(), book.sight(&tag, self.served));
        self.served += 1;
        self.seen = Some(seen.clone());
        let answering = self.plan(message, &seen, net, dice, book);
        net.alarm(answering.from);
        self.answering = Some(answering);
        seen
    }

    /// Decide what becomes of this request.
    fn plan(
        &self,
        message: &Message,
        seen: &(String, usize),
        net: &Network,
        dice: &mut Dice,
        book: &mut Book,
    ) -> Answering {
        let (tag, sight) = seen.clone();
        let from =
            net.time() + if dice.percent(30) { dice.from(0, 3_000) * MS } else { dice.from(0, 20_000) };
        let upgrade = message.field("upgrade").is_some();
        if upgrade && dice.percent(70) {
            let out =
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n".to_vec();
            // One that is asked for again says the same.
            let says = pattern(&format!("t{tag}"), dice.size(0, 30_000));
            book.tunnels.entry(tag.clone()).or_insert(says);
            return Answering { tag, sight, from, out, cut: Cut::None, tunnel: true };
        }
        let mut out = self.informational(&tag, message, dice);
        let head = message.word(0) == "HEAD";
        let status = *dice.pick(&[200, 200, 200, 201, 204, 304, 404, 500]);
        let bodiless = head || status == 204 || status == 304;
        let body = if bodiless { Vec::new() } else { pattern(&format!("a{tag}"), dice.body()) };
        let mut planned = Planned { status, body, trailers: Vec::new(), whole: true };
        out.extend(format!("HTTP/1.1 {status} Fine\r\nx-tag: {tag}\r\n").bytes());
        let until_close = self.framing(&mut out, &mut planned, bodiless, dice);
        let cut = self.cut(&mut out, &mut planned, until_close, dice);
        if let Some(record) = book.records.get_mut(&tag) {
            record.answers.push(planned);
        }
        Answering { tag, sight, from, out, cut, tunnel: false }
    }

    fn informational(&self, tag: &str, message: &Message, dice: &mut Dice) -> Vec<u8> {
        let mut out = Vec::new();
        if message.field("expect").is_some() && dice.percent(80) {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        for _ in 0..if dice.percent(15) { dice.from(1, 3) } else { 0 } {
            out.extend(format!("HTTP/1.1 103 Early Hints\r\nx-tag: {tag}\r\nlink: </a>\r\n\r\n").bytes());
        }
        out
    }

    /// Append the rest of the head and the body. Returns whether its end is the end of the connection.
    fn framing(&self, out: &mut Vec<u8>, planned: &mut Planned, bodiless: bool, dice: &mut Dice) -> bool {
        match dice.from(0, 9) {
            _ if bodiless => {
                if planned.status != 204 && dice.percent(50) {
                    out.extend_from_slice(b"Content-Length: 4711\r\n");
                }
                out.extend_from_slice(b"\r\n");
            }
            0..=4 => {
                out.extend(format!("Content-Length: {}\r\n\r\n", planned.body.len()).bytes());
                out.extend_from_slice(&planned.body);
            }
            5..=7 => {
                if dice.percent(30) {
                    planned.trailers.push(("x-end".into(), "here".into()));
                }
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                let sizes = [dice.size(16, 6_000), dice.size(16, 90_000)];
                out.extend(chunked(&planned.body, &sizes, &planned.trailers));
            }
            _ => {
                out.extend_from_slice(b"Connection: close\r\n\r\n");
                out.extend_from_slice(&planned.body);
                return true;
            }
        }
        false
    }

    /// Sometimes it goes wrong.
    fn cut(&self, out: &mut Vec<u8>, planned: &mut Planned, until_close: bool, dice: &mut Dice) -> Cut {
        let wrong = dice.percent(self.mischief);
        if !wrong {
            return if until_close || dice.percent(8) { Cut::Close } else { Cut::None };
        }
        if dice.percent(10) {
            *out = b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n".to_vec();
            planned.whole = false;
            return Cut::Stall;
        }
        let cut = *dice.pick(&[Cut::Close, Cut::Reset, Cut::Stall]);
        let at = dice.size(0, out.len());
        let body_from = out.len() - planned.body.len();
        if until_close && cut == Cut::Close && at >= body_from {
            // Nobody can tell that this was not all of it.
            planned.body.truncate(at - body_from);
        } else {
            planned.whole = at == out.len() && !until_close;
        }
        out.truncate(at);
        cut
    }

    fn speak(&mut self, net: &Network, book: &mut Book) {
        let (Some(sock), Some(answering)) = (&self.sock, &mut self.answering) else { return };
        // Who switches protocols has read the request to its end.
        if net.time() < answering.from || (answering.tunnel && self.seen.is_some()) {
            return;
        }
        let before = answering.out.len();
        let alive = push(sock, &mut answering.out, self.pace.write());
        if answering.out.len() < before
            && let Some(record) = book.records.get_mut(&answering.tag)
            && let Some(sight) = record.sights.get_mut(answering.sight)
        {
            sight.answered = true;
        }
        if !alive {
            self.sock = None;
            return;
        }
        if answering.out.is_empty() {
            self.said(net, book);
        }
    }

    /// The answer is written.
    fn said(&mut self, net: &Network, book: &mut Book) {
        let Some(answering) = &self.answering else { return };
        match answering.cut {
            Cut::Stall => {}
            Cut::Reset => {
                if let Some(sock) = self.sock.take() {
                    sock.reset();
                }
            }
            Cut::Close if self.seen.is_some() && answering.tag.is_empty() => {}
            Cut::Close => {
                // An orderly close: what the client still sends is not answered with a reset.
                if let Some(sock) = &self.sock {
                    sock.finish();
                }
            }
            Cut::None if answering.tunnel => {
                let tag = answering.tag.clone();
                let out = book.tunnels.get(&tag).cloned().unwrap_or_default();
                self.tunnel = Some(tag.clone());
                self.answering =
                    Some(Answering { tag, sight: 0, from: 0, out, cut: Cut::Close, tunnel: false });
            }
            // The request may still be coming: then the connection is of no use for another.
            Cut::None if self.seen.is_some() => {}
            Cut::None => {
                self.answering = None;
                self.idle_since = net.time();
                net.alarm(net.time());
            }
        }
    }

    fn tunnelled(&mut self, bytes: &[u8], end: Option<End>, book: &mut Book) {
        let Some(tag) = &self.tunnel else { return };
        let sent = pattern(tag, 5_000);
        let got = self.reader.rest_with(bytes);
        if !sent.starts_with(&got) {
            book.fault(format!("{tag}: the tunnel's server got {:?}", String::from_utf8_lossy(&got)));
        }
        let whole = got.len() == sent.len();
        self.reader.feed(&got);
        let said = self.answering.as_ref().is_none_or(|answering| answering.out.is_empty());
        match end {
            Some(End::Reset) => self.sock = None,
            Some(End::Orderly) if said => {
                if !whole {
                    book.fault(format!(
                        "{tag}: the tunnel ended in order at the server after {} bytes",
                        got.len()
                    ));
                }
                self.sock = None;
            }
            _ => {}
        }
    }
}
