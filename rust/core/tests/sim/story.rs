//! A whole story out of one seed: configuration, clients, servers, handlers, reloads, drains; every promise after
//! every turn, and an empty house at the end.

use gateway_core::net::Address;
use gateway_core::sim::{Chances, Manner};
use gateway_core::worker::border::Command;

use super::book::Book;
use super::client::Client;
use super::dice::Dice;
use super::handler::Handlers;
use super::house::{House, MS};
use super::plan::{self, ADDRESSES};
use super::promises;
use super::server::Server;
use super::wire::{self, Wire};

/// No story lasts longer, ns: every timeout is below 20 s and no client does more than 12 things in a row.
const LONGEST: u64 = 900_000 * MS;

struct Story {
    house: House,
    dice: Dice,
    book: Book,
    clients: Vec<Client>,
    servers: Vec<Server>,
    handlers: Handlers,
    addresses: Vec<Address>,
    /// When something happens to the gateway itself, latest first.
    upheavals: Vec<u64>,
    applied: u64,
    listeners: u32,
    mischief: u64,
    /// Requests go round through another listener of the engine, as streams.
    hop: bool,
    wires: Vec<Wire>,
}

fn chances(dice: &mut Dice) -> Chances {
    let kind = dice.percent(25);
    let mut some = |most: u64| if kind { 0 } else { dice.from(0, most) };
    let (short_read, short_write, spurious) = (some(400), some(400), some(100));
    let (held_back, accept_error) = (some(300), some(100));
    let window = *dice.pick(&[(16, 60), (500, 5_000), (4_000, 300_000)]);
    let latency = *dice.pick(&[(0, 0), (0, MS), (MS, if window.0 == 16 { 3 } else { 100 } * MS)]);
    Chances { short_read, short_write, spurious, held_back, accept_error, window, latency }
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let chances = chances(&mut dice);
        let listeners = dice.from(1, 2) as u32;
        let mut document = plan::drawn(&mut dice, listeners, 1);
        let hop = dice.percent(50);
        if hop {
            document = plan::with_a_hop(document, &mut dice);
        }
        let descriptors = if dice.percent(10) { dice.from(2, 8) } else { 10_000 };
        let house = House::with_descriptors(dice.draw(), chances, document, descriptors);
        let addresses: Vec<_> = ADDRESSES.iter().filter_map(|text| Address::parse(text)).collect();
        for address in &addresses {
            let wrong = if dice.percent(30) { 300 } else { 0 };
            let mut some = || dice.from(0, wrong);
            let (fail_at_once, refuse, silent) = (some(), some(), some());
            house.net.serve(address, Manner { fail_at_once, refuse, silent, delay: dice.from(0, 200) * MS });
        }
        house.net.serve(&wire::address(), Manner::default());
        let mut book = Book { hop, ..Book::default() };
        let mut clients = Vec::new();
        for number in 0..dice.from(1, 12) {
            let listener = dice.from(0, u64::from(listeners) - 1) as u32;
            clients.push(Client::drawn(&mut dice, format!("c{number}"), listener, &mut book));
        }
        let mut upheavals: Vec<u64> = (0..if dice.percent(50) { dice.from(1, 6) } else { 0 })
            .map(|_| house.net.time() + dice.from(0, 6_000) * MS)
            .collect();
        upheavals.sort_unstable_by(|one, other| other.cmp(one));
        for at in &upheavals {
            house.net.alarm(*at);
        }
        for client in &clients {
            client.start(&house.net);
        }
        let mischief = *dice.pick(&[0, 10, 30, 60]);
        Self {
            house,
            dice,
            book,
            clients,
            addresses,
            upheavals,
            listeners,
            mischief,
            hop,
            wires: Vec::new(),
            servers: Vec::new(),
            handlers: Handlers::default(),
            applied: 0,
        }
    }

    /// Something happens to the gateway.
    fn upheave(&mut self) {
        let key = self.dice.from(0, u64::from(self.listeners) - 1) as u32;
        match self.dice.from(0, 9) {
            0..=6 => {
                self.applied += 1;
                let mut document = plan::drawn(&mut self.dice, self.listeners, self.applied + 1);
                if self.hop {
                    document = plan::with_a_hop(document, &mut self.dice);
                }
                self.house.apply(document);
            }
            7..=8 => self.house.command(Command::Drain { listener: key }),
            _ => self.house.command(Command::Abort { listener: key }),
        }
    }

    fn act(&mut self) {
        let Self { house, dice, book, .. } = self;
        for client in &mut self.clients {
            client.act(&house.net, book, |key| house.dial(key));
        }
        for address in &self.addresses {
            while let Some(sock) = house.net.arrived(address) {
                self.servers.push(Server::new(sock, &house.net, dice, self.mischief));
            }
        }
        while let Some(made) = house.net.arrived(&wire::address()) {
            if let Some(taken) = house.dial(self.listeners) {
                self.wires.push(Wire::new(made, taken, dice, self.mischief));
            }
        }
        for wire in &mut self.wires {
            wire.act(&house.net);
        }
        self.wires.retain(|wire| !wire.is_gone());
        for server in &mut self.servers {
            server.act(&house.net, dice, book);
        }
        self.servers.retain(|server| !server.is_gone());
        self.handlers.act(house, dice, book);
        while self.upheavals.last().is_some_and(|at| *at <= self.house.net.time()) {
            self.upheavals.pop();
            self.upheave();
        }
    }

    fn is_over(&self) -> bool {
        let census = self.house.worker.census();
        census.downs == 0 && census.ups == 0 && self.house.net.is_quiet() && self.upheavals.is_empty()
    }

    fn run(&mut self) -> Result<(), String> {
        let end = self.house.net.time() + LONGEST;
        let mut quiet = 0;
        while quiet < 3 {
            self.house.turn();
            promises::always(&self.house)?;
            self.act();
            if let Some(fault) = self.book.faults.first() {
                return Err(fault.clone());
            }
            if self.house.net.time() > end {
                let open: Vec<_> =
                    self.clients.iter().filter(|client| !client.done).map(|client| &client.name).collect();
                return Err(format!("it does not end: {:?}, {open:?}", self.house.worker.census()));
            }
            quiet = if self.is_over() { quiet + 1 } else { 0 };
        }
        promises::nothing_left(&self.house)?;
        if !self.handlers.is_empty() {
            return Err("a handler or a task was never told that it is over".into());
        }
        if self.handlers.retired as u64 != self.applied || self.handlers.applied.len() as u64 != self.applied
        {
            return Err(format!("{} snapshots applied, {} retired", self.applied, self.handlers.retired));
        }
        Ok(())
    }
}

/// Live one story to its end.
pub fn live(seed: u64) -> Result<(), String> {
    Story::new(seed).run()
}
