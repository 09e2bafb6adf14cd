//! After a switch of protocols: bytes both ways, unread, with back-pressure and half-close.

use super::{Link, Step};
use crate::net::Net;
use crate::reason::Reason;
use crate::worker::buffers::Buffers;
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
    net: &mut N,
    from: &mut Io<N::Sock>,
    to: &mut Io<N::Sock>,
    scratch: &mut [u8],
    buffers: &mut Buffers,
) -> Moved {
    let mut count = 0;
    if to.flush(net, buffers).is_err() {
        return Moved::Broken;
    }
    while count < limits::TURN_BYTES {
        if to.blocked() {
            return Moved::Bytes { count, more: false };
        }
        match from.read(net, scratch.get_mut(..limits::FIRST_READ).unwrap_or(&mut [])) {
            Read::Nothing => return Moved::Bytes { count, more: false },
            Read::End if from.failed => return Moved::Broken,
            Read::End => return Moved::Ended,
            Read::Bytes(got) => {
                if to.send(net, scratch.get(..got).unwrap_or(&[]), buffers).is_err() {
                    return Moved::Broken;
                }
                count += got;
            }
        }
    }
    Moved::Bytes { count, more: true }
}

impl<N: Net> Worker<N> {
    /// Go on with a tunnel.
    pub(crate) fn tunnel(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>) -> Step {
        let (Some(exchange), Some(found)) = (down.exchange.as_mut(), link.as_mut()) else {
            return Step::Reset;
        };
        let up = &mut found.up.io;
        crate::fault::point("tunnel.pour");
        let waiting = down.io.backlog() + up.backlog();
        let mut scratch = std::mem::take(&mut self.scratch);
        let inward = pour(&mut self.net, &mut down.io, up, &mut scratch, &mut self.buffers);
        let outward = pour(&mut self.net, up, &mut down.io, &mut scratch, &mut self.buffers);
        self.scratch = scratch;
        let (mut again, mut broken) = (false, false);
        // What a slow side takes moves too, although nothing new is read.
        let mut active = down.io.backlog() + up.backlog() < waiting;
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
        self.pass_ends(down, link, again)
    }

    /// An end on one side becomes an end on the other; two ends are the end.
    fn pass_ends(&mut self, down: &mut Down<N::Sock>, link: &mut Option<Link<N::Sock>>, again: bool) -> Step {
        let (Some(exchange), Some(found)) = (down.exchange.as_mut(), link.as_mut()) else {
            return Step::Reset;
        };
        let both = exchange.client_finished && exchange.upstream_finished;
        if both && !down.io.blocked() && !found.up.io.blocked() {
            return self.finish(down, link);
        }
        if exchange.client_finished && !found.up.io.blocked() {
            found.up.io.finish(&mut self.net);
        }
        if exchange.upstream_finished && !down.io.blocked() {
            down.io.finish(&mut self.net);
        }
        if again {
            self.again_later();
        }
        Step::Wait
    }
}
