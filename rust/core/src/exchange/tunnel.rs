//! After a switch of protocols: bytes both ways, unread, with back-pressure and half-close.
//!
//! Theory: a side that is a socket is read here; one that is a stream is not, for what comes on it is handed over as it
//! comes. The end of one side becomes the end of the other, whatever either is: half a close, or END_STREAM.

use super::body::{Sink, Wires, wires};
use super::{Link, Step};
use crate::net::Net;
use crate::reason::Reason;
use crate::session::stream::Stream;
use crate::worker::downstream::Down;
use crate::worker::io::{Io, Read};
use crate::worker::{Worker, limits};

/// What one direction came to.
enum Moved {
    /// So many bytes; there may be more when `more`.
    Bytes {
        count: usize,
        more: bool,
    },
    /// The reading side has ended in order; everything was handed over.
    Ended,
    Broken,
}

/// Move bytes from one side to the other until either has no more to give or to take.
fn pour<N: Net>(
    from: (&mut Io<N::Sock>, bool),
    to: &mut Sink<'_, N::Sock>,
    scratch: &mut [u8],
    wires: &mut Wires<'_, N>,
) -> Moved {
    let (from, is_stream) = from;
    let mut count = 0;
    if to.stream.is_none() && to.io.flush(wires.net, wires.buffers).is_err() {
        return Moved::Broken;
    }
    while count < limits::TURN_BYTES {
        if is_stream || to.io.blocked() {
            return Moved::Bytes { count, more: false };
        }
        match from.read(wires.net, scratch.get_mut(..limits::FIRST_READ).unwrap_or(&mut [])) {
            Read::Nothing => return Moved::Bytes { count, more: false },
            Read::End if from.failed => return Moved::Broken,
            Read::End => return Moved::Ended,
            Read::Bytes(got) => {
                if to.put(scratch.get(..got).unwrap_or(&[]), None, wires).is_err() {
                    return Moved::Broken;
                }
                count += got;
            }
        }
    }
    Moved::Bytes { count, more: true }
}

/// Pass an end on, once everything before it has been handed over.
fn end<N: Net>(io: &mut Io<N::Sock>, stream: Option<&mut Stream>, wires: &mut Wires<'_, N>) {
    match stream {
        Some(stream) => wires.sessions.finish(io, stream, &[]),
        None if !io.blocked() => io.finish(wires.net),
        None => {}
    }
}

impl<N: Net> Worker<N> {
    /// Go on with a tunnel.
    pub(crate) fn tunnel(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        if link.as_ref().is_some_and(|link| link.up.connecting)
            && let Some(step) = self.reach(down, link)
        {
            return step;
        }
        let (Some(exchange), Some(found)) = (down.exchange.as_mut(), link.as_mut()) else {
            return Step::Reset;
        };
        crate::fault::point("tunnel.pour");
        if found.up.stream.as_ref().is_some_and(|stream| stream.gone.is_some()) {
            return self.fail(down, link, Reason::UpstreamTruncated);
        }
        let up = &mut *found.up;
        let waiting = down.io.backlog() + up.io.backlog();
        let (down_streams, up_streams) = (down.stream.is_some(), up.stream.is_some());
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut wires = wires!(self);
        let mut sink = Sink::new(&mut up.io, up.stream.as_mut(), false);
        let inward = pour((&mut down.io, down_streams), &mut sink, &mut scratch, &mut wires);
        let mut sink = Sink::new(&mut down.io, down.stream.as_mut(), false);
        let outward = pour((&mut up.io, up_streams), &mut sink, &mut scratch, &mut wires);
        self.scratch = scratch;
        let (mut again, mut broken) = (false, false);
        // What a slow side takes moves too, although nothing new is read.
        let mut active = down.io.backlog() + up.io.backlog() < waiting;
        for (moved, finished, total) in [
            (inward, &mut exchange.client_finished, &mut exchange.bytes_in),
            (outward, &mut exchange.upstream_finished, &mut exchange.bytes_out),
        ] {
            match moved {
                Moved::Bytes { count, more } => {
                    *total += count as u64;
                    again |= more;
                    active |= count > 0;
                }
                Moved::Ended => *finished = true,
                Moved::Broken => broken = true,
            }
        }
        if broken {
            let reason = if down.io.failed { Reason::ClientGone } else { Reason::UpstreamTruncated };
            return self.fail(down, link, reason);
        }
        if active {
            down.moved = self.now;
        }
        self.credit_client(down, link);
        self.credit_upstream(down, link);
        self.pass_ends(down, link, again)
    }

    /// Bytes that came on the client's stream.
    pub(super) fn tunnel_inward(
        &mut self,
        down: &mut Down<N::Sock>,
        link: &mut Option<Link<N::Sock>>,
        bytes: &[u8],
        end: bool,
    ) -> Option<Step> {
        let (exchange, found) = (down.exchange.as_mut()?, link.as_mut()?);
        exchange.client_finished |= end;
        let mut sink = Sink::new(&mut found.up.io, found.up.stream.as_mut(), false);
        let sent = sink.put(bytes, None, &mut wires!(self));
        sent.is_err().then(|| self.fail(down, link, Reason::UpstreamTruncated))
    }

    /// Bytes that came on the upstream's stream.
    pub(super) fn tunnel_outward(
        &mut self,
        down: &mut Down<N::Sock>,
        bytes: &[u8],
        end: bool,
    ) -> Option<Step> {
        let exchange = down.exchange.as_mut()?;
        exchange.upstream_finished |= end;
        let mut sink = Sink::new(&mut down.io, down.stream.as_mut(), false);
        // A client that is gone is noticed when the tunnel goes on.
        let _ = sink.put(bytes, None, &mut wires!(self));
        None
    }

    /// An end on one side becomes an end on the other; two ends are the end.
    fn pass_ends(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>, again: bool) -> Step {
        let (Some(exchange), Some(found)) = (down.exchange.as_mut(), link.as_mut()) else {
            return Step::Reset;
        };
        let up = &mut *found.up;
        let mut wires = wires!(self);
        if exchange.client_finished {
            end(&mut up.io, up.stream.as_mut(), &mut wires);
        }
        if exchange.upstream_finished {
            end(&mut down.io, down.stream.as_mut(), &mut wires);
        }
        let both = exchange.client_finished && exchange.upstream_finished;
        if both && !down.io.blocked() && !up.io.blocked() {
            return self.finish(down, link);
        }
        if again {
            self.again_later();
        }
        Step::Wait
    }
}
