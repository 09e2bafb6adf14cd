//! What really happened, kept beside the network: who asked for what, who was asked, what was answered.

use std::collections::BTreeMap;

/// One request by its tag.
#[derive(Debug, Default)]
pub struct Record {
    pub method: String,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// HTTP/1.0 has no trailers.
    pub old: bool,
    /// The client was told that this request is invalid or sent it broken on purpose.
    pub invalid: bool,
    /// Each time a server saw its head.
    pub sights: Vec<Sight>,
    /// Answers that servers or handlers began.
    pub answers: Vec<Planned>,
    /// Final answers that the client read.
    pub outcomes: u32,
}

/// A server's view of one arrival of a request.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// Requests that this connection had served before.
    pub served: u32,
    /// The server has written a byte of an answer, informational ones included.
    pub answered: bool,
}

/// An answer as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub status: u16,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// It is sent to its end.
    pub whole: bool,
}

impl Planned {
    fn is(&self, got: &Self, old: bool) -> bool {
        let trailers = self.trailers == got.trailers || (old && got.trailers.is_empty());
        self.whole && self.status == got.status && self.body == got.body && trailers
    }
}

#[derive(Debug, Default)]
pub struct Book {
    pub records: BTreeMap<String, Record>,
    /// Bytes that a tunnel's server sends, by tag.
    pub tunnels: BTreeMap<String, Vec<u8>>,
    pub faults: Vec<String>,
    /// Requests go through two gateways: what the second one did is not known to the first, which may repeat what is safe.
    pub hop: bool,
}

impl Book {
    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// A server saw the head of a request. Returns the number of this sight.
    pub fn sight(&mut self, tag: &str, served: u32) -> usize {
        let Some(record) = self.records.get_mut(tag) else {
            self.faults.push(format!("a server was asked for {tag}, which nobody sent"));
            return 0;
        };
        if record.invalid {
            self.faults.push(format!("{tag} is invalid and was forwarded"));
        }
        if let Some(last) = record.sights.last() {
            let safe = matches!(record.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS");
            if !safe || (!self.hop && (last.answered || last.served == 0)) {
                self.faults.push(format!("{tag} ({}) was forwarded again after {last:?}", record.method));
            }
        }
        record.sights.push(Sight { served, answered: false });
        record.sights.len() - 1
    }

    /// A request was read whole by a server or a handler.
    pub fn arrived(&mut self, tag: &str, body: &[u8], trailers: Option<&[(String, String)]>) {
        let Some(record) = self.records.get(tag) else { return };
        if record.body != body {
            let (sent, got) = (record.body.len(), body.len());
            self.faults.push(format!("{tag}: body of {sent} bytes arrived as {got} or changed"));
        } else if trailers.is_some_and(|trailers| record.trailers != trailers) {
            self.faults.push(format!("{tag}: trailers {:?} arrived as {trailers:?}", record.trailers));
        }
    }

    /// A client read a whole final answer with this tag, to its request `asked`.
    pub fn outcome(&mut self, asked: &str, tag: Option<&str>, got: &Planned) {
        let Some(record) = self.records.get_mut(asked) else { return };
        record.outcomes += 1;
        if record.outcomes > 1 {
            self.faults.push(format!("{asked} has two outcomes"));
        }
        let Some(tag) = tag else { return };
        if tag != asked {
            self.faults.push(format!("{asked} was answered with the answer to {tag}"));
        } else if !record.answers.iter().any(|meant| meant.is(got, record.old)) {
            let (status, len) = (got.status, got.body.len());
            let sent: Vec<_> = record.answers.iter().map(|it| (it.status, it.body.len(), it.whole)).collect();
            self.faults.push(format!(
                "{asked}: read {status} with {len} bytes and {:?}; sent were {sent:?}",
                got.trailers
            ));
        }
    }
}
