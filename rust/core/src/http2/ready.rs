//! Which stream may send next.
//!
//! Theory: one line for each urgency, linked through the streams themselves, so that entering and leaving cost the same
//! however long the lines are. The first of the most urgent line is next. A stream whose bytes are of use as they come
//! goes to the end of its line after its turn; one that asked to be whole first stays in front (RFC 9218 §10).

use super::stream::{NONE, Stream};
use super::streams::Streams;
use super::urgency::LEVELS;

#[derive(Debug, Clone, Copy)]
struct Line {
    first: u32,
    last: u32,
}

/// The lines.
#[derive(Debug)]
pub(super) struct Ready {
    lines: [Line; LEVELS],
}

impl Ready {
    pub(super) const fn new() -> Self {
        Self { lines: [Line { first: NONE, last: NONE }; LEVELS] }
    }

    /// Lets the stream in `slot` stand in line, at the front if `front`.
    pub(super) fn enter(&mut self, slot: u32, front: bool, streams: &mut Streams) {
        let Some(stream) = streams.at_mut(slot).filter(|stream| !stream.queued) else { return };
        let Some(line) = self.lines.get_mut(usize::from(stream.urgency.level)) else { return };
        stream.queued = true;
        (stream.previous, stream.next) = if front { (NONE, line.first) } else { (line.last, NONE) };
        let (previous, next) = (stream.previous, stream.next);
        join(previous, |stream| stream.next = slot, &mut line.first, slot, streams);
        join(next, |stream| stream.previous = slot, &mut line.last, slot, streams);
    }

    /// Takes it out.
    pub(super) fn leave(&mut self, slot: u32, streams: &mut Streams) {
        let Some(stream) = streams.at_mut(slot).filter(|stream| stream.queued) else { return };
        let Some(line) = self.lines.get_mut(usize::from(stream.urgency.level)) else { return };
        stream.queued = false;
        let (previous, next) = (stream.previous, stream.next);
        (stream.previous, stream.next) = (NONE, NONE);
        join(previous, |stream| stream.next = next, &mut line.first, next, streams);
        join(next, |stream| stream.previous = previous, &mut line.last, previous, streams);
    }

    /// The first of the most urgent line.
    pub(super) fn first(&self) -> Option<u32> {
        self.lines.iter().map(|line| line.first).find(|slot| *slot != NONE)
    }
}

/// Changes the neighbour in `slot`, or the end of the line where there is none.
fn join(slot: u32, change: impl FnOnce(&mut Stream), end: &mut u32, to: u32, streams: &mut Streams) {
    match streams.at_mut(slot) {
        Some(stream) => change(stream),
        None => *end = to,
    }
}
