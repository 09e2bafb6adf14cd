//! Speakers of TLS in a dialogue: rustls's own connections over the in-memory network.

use std::io::{Read, Write};

use super::stage::{Speaker, Stage};
use super::tls_peer::{self, Wish};

/// A speaker whose words are sealed. What it heard is plain text.
pub struct Secure {
    pub speaker: Speaker,
    pub tls: rustls::Connection,
    pub failed: Option<rustls::Error>,
}

impl Secure {
    fn send(&mut self, stage: &mut Stage) {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while let (Some(sock), false) = (&self.speaker.sock, rest.is_empty()) {
            match sock.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stage.pass(1),
                Err(_) => break,
            }
        }
    }

    /// Say this, sealed, and hear what comes until nothing does.
    pub fn say(&mut self, stage: &mut Stage, text: &str) {
        self.tls.writer().write_all(text.as_bytes()).unwrap();
        self.hear(stage);
    }

    pub fn hear(&mut self, stage: &mut Stage) -> String {
        loop {
            self.send(stage);
            let wire = std::mem::take(&mut self.speaker.heard);
            stage.hear(&mut self.speaker);
            let fresh = std::mem::replace(&mut self.speaker.heard, wire);
            if fresh.is_empty() {
                return self.speaker.text();
            }
            let mut rest = fresh.as_slice();
            while !rest.is_empty() && self.failed.is_none() {
                self.tls.read_tls(&mut rest).unwrap();
                self.failed = self.tls.process_new_packets().err();
                // Would-block says that this is all for now.
                let _ = self.tls.reader().read_to_end(&mut self.speaker.heard);
            }
        }
    }

    /// Its peer has said that nothing more comes.
    pub fn is_told_the_end(&mut self) -> bool {
        self.tls.process_new_packets().is_ok_and(|state| state.peer_has_closed())
    }
}

/// A client that wants TLS with this name; nothing is sent yet.
pub fn client(stage: &mut Stage, wish: &Wish, name: &'static str) -> Secure {
    let tls = tls_peer::peer(&tls_peer::peer_config(wish), name).tls;
    Secure { speaker: stage.dial(), tls: tls.into(), failed: None }
}

/// The server's end of the next connection that the engine makes, with TLS.
pub fn server(stage: &mut Stage) -> Secure {
    let mut secure =
        Secure { speaker: stage.server(), tls: tls_peer::other_server(16_000).into(), failed: None };
    secure.hear(stage);
    secure
}
