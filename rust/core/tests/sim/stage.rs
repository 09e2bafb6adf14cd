//! A stage for dialogues: an engine on a kind network, one server address, clients by hand.

use gateway_core::document::Document;
use gateway_core::net::Address;
use gateway_core::reason::Reason;
use gateway_core::sim::{Chances, Manner, Sock};

use super::house::{House, MS};
use super::http::{End, Message, Reader, drain};
use super::{plan, promises};

/// Where the server of a dialogue is.
pub const SERVER: &str = "10.0.0.1:80";

/// Large windows, no malice.
pub const KIND: Chances = Chances {
    short_read: 0,
    short_write: 0,
    spurious: 0,
    held_back: 0,
    accept_error: 0,
    window: (100_000, 100_000),
    latency: (0, 0),
};

pub struct Stage {
    pub house: House,
    /// A panic is part of the play.
    pub lenient: bool,
}

/// One end of a connection, and all that was heard there.
pub struct Speaker {
    pub sock: Option<Sock>,
    pub heard: Vec<u8>,
    pub end: Option<End>,
}

impl Speaker {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

impl Stage {
    pub fn new(document: Document) -> Self {
        Self::on(document, KIND)
    }

    pub fn on(document: Document, chances: Chances) -> Self {
        let house = House::new(1, chances, document);
        house.net.serve(&Address::parse(SERVER).unwrap(), Manner::default());
        Self { house, lenient: false }
    }

    pub fn plain() -> Self {
        Self::new(plan::plain(SERVER))
    }

    pub fn manner(&self, manner: Manner) {
        self.house.net.serve(&Address::parse(SERVER).unwrap(), manner);
    }

    /// Let so many virtual milliseconds pass.
    pub fn pass(&mut self, ms: u64) {
        let until = self.house.net.time() + ms * MS;
        self.house.net.alarm(until);
        while self.house.net.time() < until {
            self.house.turn();
            let panicked = u64::from(self.lenient && self.house.ledger.panics.get() == 1);
            if let Err(fault) = promises::always_but(&self.house, panicked) {
                panic!("{fault}");
            }
        }
    }

    pub fn dial(&mut self) -> Speaker {
        Speaker { sock: self.house.dial(0), heard: Vec::new(), end: None }
    }

    /// A new client that says this.
    pub fn client(&mut self, says: &str) -> Speaker {
        let mut client = self.dial();
        self.say(&mut client, says);
        client
    }

    /// Say something, and let it arrive.
    pub fn say(&mut self, speaker: &mut Speaker, text: &str) {
        let mut rest = text.as_bytes();
        while let (Some(sock), false) = (&speaker.sock, rest.is_empty()) {
            match sock.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
            self.pass(1);
        }
        self.pass(5);
    }

    /// The server's end of the next connection that the engine makes.
    pub fn server(&mut self) -> Speaker {
        self.pass(5);
        let sock = self.house.net.arrived(&Address::parse(SERVER).unwrap());
        assert!(sock.is_some(), "the engine has not connected");
        Speaker { sock, heard: Vec::new(), end: None }
    }

    /// Whether the engine has made no other connection.
    pub fn nobody_else(&mut self) -> bool {
        self.pass(5);
        self.house.net.arrived(&Address::parse(SERVER).unwrap()).is_none()
    }

    /// What is heard now, and all that was heard before.
    pub fn hear(&mut self, speaker: &mut Speaker) -> String {
        self.pass(5);
        if let Some(sock) = &speaker.sock
            && speaker.end.is_none()
        {
            let (bytes, end) = drain(sock, usize::MAX);
            speaker.heard.extend(bytes);
            speaker.end = end;
        }
        self.pass(5);
        speaker.text()
    }

    /// What is heard now only.
    pub fn next(&mut self, speaker: &mut Speaker) -> String {
        speaker.heard.clear();
        self.hear(speaker)
    }

    /// The next whole request that is heard here.
    pub fn request(&mut self, server: &mut Speaker) -> Message {
        let heard = self.next(server);
        let mut reader = Reader::of_requests();
        reader.feed(heard.as_bytes());
        reader.next(false).unwrap().unwrap_or_else(|| panic!("not a whole request: {heard:?}"))
    }

    /// This client is told this reason, in all the places where reasons are told.
    pub fn told(&mut self, client: &mut Speaker, reason: Reason) {
        let answer = self.hear(client);
        let status = format!("HTTP/1.1 {} ", reason.status());
        let field = format!(
            "\r\nProxy-Status: gateway; error={}; details=\"{}: ",
            reason.proxy_error(),
            reason.word()
        );
        assert!(answer.starts_with(&status) && answer.contains(&field), "{reason:?}: {answer:?}");
        assert_eq!(self.ended(reason), 1, "{reason:?}");
    }

    pub fn ended(&self, reason: Reason) -> u64 {
        self.house.ended(reason)
    }
}
