//! Scripted clients: what they send, how fast, where they stop; and what they insist on when they read.

use std::collections::VecDeque;

use gateway_core::sim::{Network, Sock};

use super::book::{Book, Planned, Record};
use super::dice::{Dice, Pace, pattern};
use super::house::MS;
use super::http::{End, Message, Reader, chunked, drain, push};
use super::plan::PATHS;

/// One step of a script.
#[derive(Debug)]
enum Part {
    Send(Vec<u8>),
    /// Wait until so many final answers have come in all.
    Answers(usize),
    /// Wait for 100, an answer, or so long (ms).
    Continue(u64),
    Pause(u64),
    /// Never do anything again but read.
    Stall,
    HalfClose,
    Close,
    Reset,
}

/// What a client waits for.
struct Awaited {
    tag: String,
    head: bool,
    upgrade: bool,
}

pub struct Client {
    pub name: String,
    sock: Option<Sock>,
    listener: u32,
    start: u64,
    parts: VecDeque<Part>,
    out: Vec<u8>,
    awaited: VecDeque<Awaited>,
    answers: usize,
    continued: bool,
    reader: Reader,
    pace: Pace,
    next: u64,
    /// It reads nothing any more after so many bytes.
    deaf_after: usize,
    read: usize,
    tunnel: Option<(String, Vec<u8>)>,
    /// No more is expected of it.
    pub done: bool,
    /// What it sent may be nonsense: then a refusal is an answer to nothing in particular.
    wild: bool,
}

/// What no gateway may forward.
const INVALID: [&str; 9] = [
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET /../.. HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n",
    "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
];

impl Client {
    /// A client with a script out of chance.
    pub fn drawn(dice: &mut Dice, name: String, listener: u32, book: &mut Book) -> Self {
        let pace = Pace::drawn(dice);
        let deaf_after = if dice.percent(8) { dice.size(0, 4_000) } else { usize::MAX };
        let mut client = Self {
            name,
            sock: None,
            listener,
            start: dice.from(0, 3_000) * MS,
            parts: VecDeque::new(),
            out: Vec::new(),
            awaited: VecDeque::new(),
            answers: 0,
            continued: false,
            reader: Reader::of_responses(),
            pace,
            next: 0,
            deaf_after,
            read: 0,
            tunnel: None,
            done: false,
            wild: false,
        };
        client.script(dice, book);
        client
    }

    fn script(&mut self, dice: &mut Dice, book: &mut Book) {
        let pipelined = dice.percent(30);
        let requests = dice.size(1, if pipelined { 12 } else { 5 });
        for number in 0..requests {
            let tag = format!("{}-{number}", self.name);
            let last = self.request(dice, book, &tag);
            if !pipelined || last {
                self.parts.push_back(Part::Answers(number + 1));
            }
            if dice.percent(10) {
                self.parts.push_back(Part::Pause(dice.from(1, 4_000)));
            }
            if last {
                break;
            }
        }
        if pipelined && dice.percent(80) {
            self.parts.push_back(Part::Answers(self.awaited.len()));
        }
        if dice.percent(6) {
            let refused = *dice.pick(&INVALID);
            self.wild = true;
            self.parts.push_back(Part::Send(refused.as_bytes().to_vec()));
            self.parts.push_back(Part::Stall);
        }
        let end = match dice.from(0, 9) {
            0..=4 => Part::Close,
            5 => Part::Reset,
            6 => Part::HalfClose,
            _ => Part::Stall,
        };
        self.parts.push_back(end);
        self.parts.push_back(Part::Stall);
        self.cut_short(dice);
    }

    /// Sometimes the script ends in the middle of a part.
    fn cut_short(&mut self, dice: &mut Dice) {
        if !dice.percent(12) {
            return;
        }
        let at = dice.size(0, self.parts.len() - 1);
        self.parts.truncate(at + 1);
        if let Some(Part::Send(bytes)) = self.parts.back_mut() {
            bytes.truncate(dice.size(0, bytes.len()));
        }
        let ends = [Part::Close, Part::Reset, Part::HalfClose, Part::Stall];
        let number = dice.size(0, 3);
        self.parts.extend(ends.into_iter().nth(number));
        self.parts.push_back(Part::Stall);
    }

    /// One request. Returns whether nothing can follow it on this connection.
    fn request(&mut self, dice: &mut Dice, book: &mut Book, tag: &str) -> bool {
        let path = *dice.pick(&PATHS);
        let method = *dice.pick(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS", "DELETE"]);
        let upgrade = method == "GET" && dice.percent(6);
        let old = !upgrade && dice.percent(8);
        let close = !upgrade && dice.percent(8);
        let mut record = Record { method: method.into(), old, ..Record::default() };
        let mut head = format!(
            "{method} {path}/{tag} HTTP/1.{}\r\nHost: shop.example\r\nx-tag: {tag}\r\n",
            u8::from(!old)
        );
        if close {
            head += "Connection: close\r\n";
        }
        if upgrade {
            head += "Connection: Upgrade\r\nUpgrade: echo\r\n";
        }
        let mut body = Vec::new();
        if matches!(method, "POST" | "PUT") || dice.percent(5) {
            record.body = pattern(tag, dice.body());
            if dice.percent(50) || old {
                head += &format!("Content-Length: {}\r\n", record.body.len());
                body.clone_from(&record.body);
            } else {
                head += "Transfer-Encoding: chunked\r\n";
                if dice.percent(40) {
                    record.trailers.push(("x-sum".into(), tag.to_owned()));
                }
                let sizes = [dice.size(1, 5_000), dice.size(16, 70_000)];
                body = chunked(&record.body, &sizes, &record.trailers);
            }
        }
        let expect = !old && !record.body.is_empty() && dice.percent(15);
        if expect {
            head += "Expect: 100-continue\r\n";
        }
        head += "\r\n";
        book.records.insert(tag.to_owned(), record);
        self.awaited.push_back(Awaited { tag: tag.to_owned(), head: method == "HEAD", upgrade });
        let mut bytes = head.into_bytes();
        if expect {
            self.parts.push_back(Part::Send(bytes));
            self.parts.push_back(Part::Continue(dice.from(10, 2_000)));
            bytes = body;
        } else {
            bytes.extend(body);
        }
        self.parts.push_back(Part::Send(bytes));
        upgrade || old || close
    }

    /// Do what can be done now.
    pub fn act(&mut self, net: &Network, book: &mut Book, dial: impl Fn(u32) -> Option<Sock>) {
        let now = net.time();
        if self.done {
            return;
        }
        if now < self.start.max(self.next) {
            return;
        }
        if self.sock.is_none() {
            self.sock = dial(self.listener);
            if self.sock.is_none() {
                self.done = true;
                return;
            }
        }
        let before = self.read;
        self.listen(book);
        self.speak(net);
        self.pace.moved(1 + self.read - before);
        let busy = self.read > before || !self.out.is_empty();
        if !self.done && busy && self.pace.pause() > 0 {
            self.next = now + self.pace.pause();
            net.alarm(self.next);
        }
    }

    pub fn start(&self, net: &Network) {
        net.alarm(self.start);
    }

    fn speak(&mut self, net: &Network) {
        let Some(sock) = &self.sock else { return };
        if !self.out.is_empty() {
            if !push(sock, &mut self.out, self.pace.write()) {
                // Gone; reading tells how.
                self.out.clear();
                self.parts = VecDeque::from([Part::Stall]);
            }
            if !self.out.is_empty() {
                return;
            }
        }
        let Some(part) = self.parts.pop_front() else { return };
        let now = net.time();
        match part {
            Part::Send(bytes) => {
                self.continued = false;
                self.out = bytes;
                self.speak(net);
            }
            Part::Answers(wanted) if self.answers < wanted => self.parts.push_front(Part::Answers(wanted)),
            Part::Continue(_) if self.continued || self.answers > 0 && self.awaited.is_empty() => {
                self.speak(net)
            }
            Part::Continue(ms) => {
                // Not for ever: RFC 9110 §10.1.1 lets a client go on after a while.
                self.parts.push_front(Part::Pause(ms));
                self.speak(net);
            }
            Part::Pause(ms) => {
                self.next = now + ms * MS;
                net.alarm(self.next);
            }
            Part::Answers(_) => self.speak(net),
            Part::Stall => self.parts.push_front(Part::Stall),
            Part::HalfClose => sock.finish(),
            Part::Close => self.leave(),
            Part::Reset => {
                if let Some(sock) = self.sock.take() {
                    sock.reset();
                }
                self.done = true;
            }
        }
    }

    fn leave(&mut self) {
        self.sock = None;
        self.done = true;
    }

    fn listen(&mut self, book: &mut Book) {
        let Some(sock) = &self.sock else { return };
        if self.read >= self.deaf_after {
            return;
        }
        let (bytes, end) = drain(sock, self.pace.read());
        self.read += bytes.len();
        if self.tunnel.is_some() {
            self.tunnelled(&bytes, book);
        } else {
            self.reader.feed(&bytes);
            self.messages(book);
        }
        match end {
            Some(End::Orderly) => {
                self.ended_in_order(book);
                if self.tunnel.is_none() {
                    return self.leave();
                }
                // The other direction goes on.
                self.deaf_after = 0;
                self.parts.pop_back();
                self.parts.push_back(Part::Close);
            }
            Some(End::Reset) => self.leave(),
            None => {}
        }
    }

    fn messages(&mut self, book: &mut Book) {
        loop {
            let head = self.awaited.front().is_some_and(|awaited| awaited.head);
            match self.reader.next(head) {
                Ok(Some(message)) if message.status() == 101 => return self.switched(book),
                Ok(Some(message)) if message.status() < 200 => self.informed(&message, book),
                Ok(Some(message)) => self.answered(&message, book),
                Ok(None) => return,
                Err(fault) => return book.fault(format!("{}: {fault}", self.name)),
            }
        }
    }

    fn informed(&mut self, message: &Message, book: &mut Book) {
        self.continued |= message.status() == 100;
        let asked = self.awaited.front().map(|awaited| awaited.tag.as_str());
        if message.field("x-tag").is_some_and(|tag| Some(tag) != asked) {
            book.fault(format!("{asked:?} was told {:?}", message));
        }
    }

    fn answered(&mut self, message: &Message, book: &mut Book) {
        self.answers += 1;
        let Some(awaited) = self.awaited.pop_front() else {
            if !self.wild && message.status() != 408 {
                book.fault(format!("{}: an answer to nothing: {message:?}", self.name));
            }
            return;
        };
        if message.field("date").is_none() && message.field("x-tag").is_some() {
            book.fault(format!("{}: an answer without Date", awaited.tag));
        }
        let got = Planned {
            status: message.status(),
            body: message.body.clone(),
            trailers: message.trailers.clone(),
            whole: true,
        };
        book.outcome(&awaited.tag, message.field("x-tag"), &got);
    }

    fn switched(&mut self, book: &mut Book) {
        let Some(awaited) = self.awaited.pop_front() else {
            return book.fault(format!("{}: 101 to nothing", self.name));
        };
        if !awaited.upgrade {
            return book.fault(format!("{}: 101 without an upgrade", awaited.tag));
        }
        self.answers += 1;
        self.parts = VecDeque::from([Part::Send(pattern(&awaited.tag, 5_000)), Part::HalfClose, Part::Stall]);
        self.tunnel = Some((awaited.tag, Vec::new()));
        let rest = self.reader.rest();
        self.tunnelled(&rest, book);
    }

    fn tunnelled(&mut self, bytes: &[u8], book: &mut Book) {
        let Some((tag, got)) = &mut self.tunnel else { return };
        got.extend_from_slice(bytes);
        let sent = book.tunnels.get(tag.as_str()).map_or(&[][..], Vec::as_slice);
        if !sent.starts_with(got) {
            let fault = format!("{tag}: the tunnel brought {} bytes that were not sent", got.len());
            book.fault(fault);
        }
    }

    /// A truncated answer never looks complete.
    fn ended_in_order(&mut self, book: &mut Book) {
        if let Some(message) = self.reader.ended() {
            self.answered(&message, book);
        }
        if let Some((tag, got)) = &self.tunnel
            && book.tunnels.get(tag).is_some_and(|sent| sent.len() != got.len())
        {
            let fault = format!("{tag}: the tunnel ended in order after {} bytes", got.len());
            book.fault(fault);
        }
    }
}
