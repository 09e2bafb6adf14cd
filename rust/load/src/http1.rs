//! HTTP/1.1 on one connection: one request at a time. No socket, no clock.
//!
//! Theory: the request's bytes are the plan's; what is kept is how many of them have gone, and the reader of the answer.

use crate::answer::{Answer, Progress};
use crate::asked::{Asked, Ended, judge};
use crate::plan::Plan;
use crate::tally::Failure;

/// The one request of a connection and its answer.
#[derive(Debug)]
pub struct Single<'p> {
    plan: &'p Plan,
    asked: Option<Asked>,
    /// Bytes of the request that have gone.
    sent: usize,
    answer: Answer,
    /// The connection cannot carry another request.
    over: bool,
}

impl<'p> Single<'p> {
    /// For a new connection.
    pub fn new(plan: &'p Plan) -> Self {
        Self { plan, asked: None, sent: 0, answer: Answer::new(plan.head), over: false }
    }

    /// Forgets the last connection.
    pub fn restart(&mut self) {
        self.over = false;
        self.sent = 0;
    }

    /// Takes a request.
    pub fn begin(&mut self, asked: Asked) {
        self.asked = Some(asked);
        self.sent = 0;
        self.answer.restart();
    }

    /// What is still to be sent.
    pub fn unsent(&self) -> &[u8] {
        if self.asked.is_some() { &self.plan.request[self.sent..] } else { &[] }
    }

    /// So many bytes of it have gone.
    pub fn sent(&mut self, count: usize) {
        self.sent += count;
    }

    /// Nothing is under way.
    pub fn idle(&self) -> bool {
        self.asked.is_none()
    }

    /// The connection is of no more use.
    pub fn over(&self) -> bool {
        self.over
    }

    /// Body bytes that may be thrown away unread.
    pub fn discardable(&self) -> u64 {
        if self.asked.is_some() { self.answer.discardable() } else { 0 }
    }

    /// Takes bytes of the connection. An error ends it.
    pub fn feed(&mut self, bytes: &[u8], ended: &mut Vec<Ended>) -> Result<(), Failure> {
        if self.asked.is_none() {
            return Err(Failure::Malformed); // nobody asked for it
        }
        if self.answer.feed(bytes)? == Progress::Done {
            self.done(ended);
        }
        Ok(())
    }

    /// So many of the discardable bytes were thrown away.
    pub fn discarded(&mut self, count: u64, ended: &mut Vec<Ended>) {
        if self.answer.discarded(count) == Progress::Done {
            self.done(ended);
        }
    }

    /// The peer has ended the connection; `clean` if nobody can have cut it short. Says what the request fails with.
    pub fn end(&mut self, clean: bool, ended: &mut Vec<Ended>) -> Result<(), Failure> {
        self.over = true;
        self.answer.end(clean)?;
        self.done(ended);
        Ok(())
    }

    /// The request fails with the connection.
    pub fn abandon(&mut self, failure: Failure, ended: &mut Vec<Ended>) {
        ended.extend(self.asked.take().map(|asked| asked.ended(Err(failure))));
    }

    /// Ends the request if it was begun before `limit`; the connection goes with it.
    pub fn expire(&mut self, limit: u64, ended: &mut Vec<Ended>) {
        if let Some(asked) = self.asked.take_if(|asked| asked.begun < limit) {
            self.over = true;
            ended.push(asked.ended(Err(Failure::Timeout)));
        }
    }

    fn done(&mut self, ended: &mut Vec<Ended>) {
        let whole = self.sent == self.plan.request.len();
        self.over |= self.answer.close || !self.plan.keep || !whole;
        let outcome = judge(self.plan, self.answer.status, self.answer.body);
        ended.extend(self.asked.take().map(|asked| asked.ended(outcome)));
    }
}
