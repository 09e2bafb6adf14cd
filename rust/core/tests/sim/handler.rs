//! A scripted Trio: answers what is asked, as handlers do and as they should not.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::reason::Reason;
use gateway_core::worker::border::{AskId, Command, ConnId, Event};
use gateway_core::worker::limits;

use super::book::{Book, Planned};
use super::dice::{Dice, pattern};
use super::house::{House, MS};

/// A handler at work.
struct Task {
    tag: String,
    body: Vec<u8>,
    from: u64,
    behaviour: Behaviour,
    planned: Planned,
    /// Bytes of the answer already sent, and how many of them the socket has taken.
    sent: usize,
    taken: usize,
    head_sent: bool,
    ended: bool,
    /// Body events consumed and not yet credited.
    owed: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Whole,
    Streamed { announced: bool },
    Fail,
    FailLate,
    TooMuch,
    Silent,
}

#[derive(Default)]
pub struct Handlers {
    tasks: BTreeMap<AskId, Task>,
    over: Vec<AskId>,
    /// Connections of HTTP/2 that are open.
    conns: BTreeSet<ConnId>,
    pub applied: Vec<u64>,
    pub retired: usize,
    pub drained: usize,
}

impl Handlers {
    pub fn act(&mut self, house: &mut House, dice: &mut Dice, book: &mut Book) {
        for event in std::mem::take(&mut house.events) {
            self.hear(event, house, dice, book);
        }
        let ids: Vec<_> = self.tasks.keys().copied().collect();
        for id in ids {
            self.work(id, house, dice);
        }
    }

    fn hear(&mut self, event: Event, house: &House, dice: &mut Dice, book: &mut Book) {
        match event {
            Event::Ask { id, head } => {
                let tag = head.fields.iter().find(|(name, _)| name == b"x-tag");
                let tag =
                    tag.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
                book.sight(&tag, 0);
                let from = house.net.time() + dice.from(0, 400) * MS;
                house.net.alarm(from);
                let task = Task::drawn(tag, head.method == b"HEAD", from, dice, book);
                self.tasks.insert(id, task);
            }
            Event::Body { id, data } => match self.tasks.get_mut(&id) {
                Some(task) => {
                    task.owed.push(data.len() as u32);
                    task.body.extend_from_slice(&data);
                }
                None => book.fault(format!("body for {id}, which is over or never was")),
            },
            Event::BodyEnd { id } => match self.tasks.get(&id) {
                Some(task) => book.arrived(&task.tag, &task.body, None),
                None => book.fault(format!("end of body for {id}, which is over or never was")),
            },
            Event::Sent { id, bytes } => match self.tasks.get_mut(&id) {
                Some(task) => task.taken += bytes as usize,
                None => book.fault(format!("window for {id}, which is over or never was")),
            },
            Event::Over { id, .. } => {
                self.over.push(id);
                if self.tasks.remove(&id).is_none() {
                    book.fault(format!("{id} is over twice"));
                }
            }
            Event::Applied { generation, .. } => self.applied.push(generation),
            Event::Retired { .. } => self.retired += 1,
            Event::Drained { .. } => self.drained += 1,
            Event::Unlistened { .. } => {}
            Event::Opened { conn, .. } => {
                if !self.conns.insert(conn) {
                    book.fault(format!("connection {conn} opened twice"));
                }
            }
            Event::Closed { conn, .. } => {
                if !self.conns.remove(&conn) {
                    book.fault(format!("connection {conn} closed, and was not open"));
                }
            }
            Event::Settings { conn, .. }
            | Event::SettingsAck { conn }
            | Event::PingAck { conn, .. }
            | Event::GoneAway { conn, .. } => {
                if !self.conns.contains(&conn) {
                    book.fault(format!("connection {conn} speaks, and is not open"));
                }
            }
            Event::Panicked { text, .. } => book.fault(format!("a panic: {text}")),
        }
    }

    fn work(&mut self, id: AskId, house: &mut House, dice: &mut Dice) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if task.ended || house.net.time() < task.from {
            return;
        }
        if !task.owed.is_empty() && dice.percent(50) {
            for bytes in std::mem::take(&mut task.owed) {
                house.command(Command::Credit { id, bytes });
            }
        }
        if let Some(command) = task.step(id, dice) {
            house.command(command);
        }
        if !task.ended && task.behaviour != Behaviour::Silent {
            task.from = house.net.time() + dice.from(1, 50) * MS;
            house.net.alarm(task.from);
        }
        // A command to an exchange that is over is late, not wrong.
        if let Some(gone) = self.over.last().copied().filter(|_| dice.percent(2)) {
            house.command(Command::Send { id: gone, data: vec![b'x'; 10], end: true });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.conns.is_empty()
    }
}

impl Task {
    fn drawn(tag: String, head: bool, from: u64, dice: &mut Dice, book: &mut Book) -> Self {
        let status = *dice.pick(&[200, 200, 204, 404]);
        let body = if head || status == 204 { Vec::new() } else { pattern(&format!("h{tag}"), dice.body()) };
        let behaviour = match dice.from(0, 11) {
            0..=3 => Behaviour::Whole,
            4..=7 => Behaviour::Streamed { announced: dice.percent(50) },
            8 => Behaviour::Fail,
            9 => Behaviour::FailLate,
            10 if !body.is_empty() => Behaviour::TooMuch,
            _ => Behaviour::Silent,
        };
        // What fails late may have sent all that was announced: that is a whole answer, and then a cut connection.
        let whole = !matches!(behaviour, Behaviour::Fail | Behaviour::Silent);
        let planned = Planned { status, body, trailers: Vec::new(), whole };
        if let Some(record) = book.records.get_mut(&tag) {
            record.answers.push(planned.clone());
        }
        Self {
            tag,
            body: Vec::new(),
            from,
            behaviour,
            planned,
            sent: 0,
            taken: 0,
            head_sent: false,
            ended: false,
            owed: Vec::new(),
        }
    }

    fn step(&mut self, id: AskId, dice: &mut Dice) -> Option<Command<gateway_core::sim::Listener>> {
        let body = &self.planned.body;
        if !self.head_sent {
            return self.head(id, dice);
        }
        if self.behaviour == Behaviour::FailLate {
            self.ended = true;
            return Some(Command::Fail { id, reason: Reason::HandlerFailed });
        }
        let window = (limits::ASK_WINDOW as usize).saturating_sub(self.sent - self.taken);
        let piece = dice.size(1, 70_000).min(body.len() - self.sent).min(window);
        if piece == 0 && self.sent < body.len() {
            return None;
        }
        let mut data = body[self.sent..self.sent + piece].to_vec();
        self.sent += piece;
        self.ended = self.sent == body.len() && dice.percent(70);
        if self.ended && self.behaviour == Behaviour::TooMuch {
            data.push(b'!');
        }
        Some(Command::Send { id, data, end: self.ended })
    }

    fn head(&mut self, id: AskId, dice: &mut Dice) -> Option<Command<gateway_core::sim::Listener>> {
        let fields = vec![(b"x-tag".to_vec(), self.tag.clone().into_bytes())];
        let (status, len) = (self.planned.status, self.planned.body.len());
        self.head_sent = true;
        let (first, end, length) = match self.behaviour {
            Behaviour::Silent => return None,
            Behaviour::Fail => {
                self.ended = true;
                return Some(Command::Fail { id, reason: Reason::HandlerFailed });
            }
            Behaviour::Whole if len <= limits::ASK_WINDOW as usize => (len, true, None),
            Behaviour::Streamed { announced: false } => (0, false, None),
            _ => (dice.size(0, 1_000).min(len), false, Some(len as u64)),
        };
        self.sent = first;
        self.ended = end;
        Some(Command::Answer { id, status, fields, data: self.planned.body[..first].to_vec(), end, length })
    }
}
