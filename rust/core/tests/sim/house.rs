//! One engine on the in-memory network, with everything around it that a test needs.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gateway_core::account::ledger::{Gauge, Ledger};
use gateway_core::account::log::{LogQueue, LogSender};
use gateway_core::document::Document;
use gateway_core::route::Snapshot;
use gateway_core::sim::{Chances, Listener, Network, Sock};
use gateway_core::sys::eventfd::EventFd;
use gateway_core::worker::border::{Border, Command, Event};
use gateway_core::worker::{Start, Worker};

pub const MS: u64 = 1_000_000;

pub struct House {
    pub net: Network,
    pub worker: Worker<Network>,
    pub border: Arc<Border<Listener>>,
    pub ledger: Arc<Ledger>,
    /// By listener key: the number to dial, and who counts.
    pub listeners: Vec<(u32, usize, Arc<Gauge>)>,
    /// What the worker told and nobody has taken.
    pub events: Vec<Event>,
    /// What Trio heard of HTTP/2 connections.
    pub conducted: Vec<Event>,
    /// Trio does not listen.
    pub stalled: bool,
}

impl House {
    pub fn new(seed: u64, chances: Chances, document: Document) -> Self {
        Self::with_descriptors(seed, chances, document, 10_000)
    }

    #[expect(clippy::arc_with_non_send_sync, reason = "the border of threads, here all on one")]
    pub fn with_descriptors(seed: u64, chances: Chances, document: Document, descriptors: u64) -> Self {
        let net = Network::new(seed, chances);
        let event_fd = || Arc::new(EventFd::new().expect("an eventfd"));
        let border = Arc::new(Border::new(event_fd(), event_fd()));
        let ledger = Arc::new(Ledger::default());
        let keys: Vec<_> = document.listeners.iter().map(|listener| listener.key).collect();
        let start = Start {
            number: 0,
            snapshot: snapshot(document),
            border: Arc::clone(&border),
            ledger: Arc::clone(&ledger),
            log: LogSender::new(Arc::new(LogQueue::new().expect("an eventfd"))),
            descriptors,
        };
        let worker = Worker::new(net.clone(), start);
        let mut house = Self {
            net,
            worker,
            border,
            ledger,
            listeners: Vec::new(),
            events: Vec::new(),
            conducted: Vec::new(),
            stalled: false,
        };
        for key in keys {
            house.listen(key);
        }
        house.turn();
        house
    }

    pub fn listen(&mut self, key: u32) {
        let (socket, gauge) = (self.net.listen(), Arc::<Gauge>::default());
        self.listeners.push((key, socket.number(), Arc::clone(&gauge)));
        self.command(Command::Listen { listener: key, socket, gauge });
    }

    pub fn command(&mut self, command: Command<Listener>) {
        assert!(self.border.commands.push(command).is_ok(), "the worker takes its commands every turn");
        self.net.wake();
    }

    pub fn apply(&mut self, document: Document) {
        self.command(Command::Apply(snapshot(document)));
    }

    /// A client's connection to the newest socket of the listener with this key.
    pub fn dial(&self, key: u32) -> Option<Sock> {
        let (_, number, _) = self.listeners.iter().rfind(|(other, ..)| *other == key)?;
        self.net.dial(*number)
    }

    pub fn turn(&mut self) {
        self.worker.turn();
        self.border.looked();
        while !self.stalled
            && let Some(event) = self.border.events.pop()
        {
            self.events.push(event);
        }
        while !self.stalled
            && let Some(event) = self.border.conducted.pop()
        {
            self.conducted.push(event);
        }
    }

    pub fn open(&self) -> usize {
        self.listeners.iter().map(|(_, _, gauge)| gauge.open.load(Relaxed) as usize).sum()
    }

    /// Ends of exchanges for this reason.
    pub fn ended(&self, reason: gateway_core::reason::Reason) -> u64 {
        self.ledger.reasons[reason as usize].get()
    }
}

pub fn snapshot(document: Document) -> Arc<Snapshot> {
    Arc::new(Snapshot::build(document).expect("a document that fits together"))
}
