//! Bodies as they pass: decoded from one side's framing, written in the other's.

use crate::grpc::web::Translation;
use crate::http1::body::{CHUNK_END, Decoder, LAST_CHUNK, chunk_head};
use crate::http1::head::Refusal;
use crate::net::Net;
use crate::session::Sessions;
use crate::session::stream::Stream;
use crate::worker::buffers::Buffers;
use crate::worker::io::{Broken, Io};
use crate::worker::limits;

/// Where a message goes: a socket, with or without chunks, or a stream.
pub struct Sink<'a, S> {
    /// Its socket, or what waits for the stream.
    pub io: &'a mut Io<S>,
    /// The stream.
    pub stream: Option<&'a mut Stream>,
    /// The message goes in chunks; not on a stream.
    pub chunked: bool,
    /// It is translated on its way.
    pub change: Option<Change<'a>>,
    /// What a stream is sent is kept here too, if there is something already: see [`keep`].
    pub kept: Option<&'a mut Vec<u8>>,
}

/// A translation of gRPC-Web, in one of its directions.
pub enum Change<'a> {
    /// Of the client's request.
    Request(&'a mut Translation),
    /// Of the answer to it.
    Answer(&'a mut Translation),
}

impl Change<'_> {
    /// Translate a piece, with the trailers that follow it if it is the last; gives the trailers that are left to send.
    /// `None`: the piece is not what it claims to be.
    fn apply<'t>(
        &mut self,
        data: &[u8],
        end: Option<&'t [u8]>,
        out: &mut Vec<u8>,
    ) -> Option<Option<&'t [u8]>> {
        match self {
            Self::Request(web) => web.request(data, end.is_some(), out).ok().map(|()| end),
            Self::Answer(web) => {
                web.answer(data, out);
                Some(end.map(|trailers| {
                    web.answer_end(trailers, out);
                    [].as_slice()
                }))
            }
        }
    }
}

/// What of the worker is needed to put bytes there.
pub struct Wires<'a, N: Net> {
    /// Sockets.
    pub net: &'a mut N,
    /// Spare buffers.
    pub buffers: &'a mut Buffers,
    /// Streams.
    pub sessions: &'a mut Sessions,
    /// Where chunks are put together.
    pub out: &'a mut Vec<u8>,
}

/// The [`Wires`] of a worker, the rest of which stays free.
macro_rules! wires {
    ($worker:ident) => {
        $crate::exchange::body::Wires {
            net: &mut $worker.net,
            buffers: &mut $worker.buffers,
            sessions: &mut $worker.sessions,
            out: &mut $worker.out,
        }
    };
}
pub(crate) use wires;

/// Keep a piece behind what is kept of its request, which is of no use any more if it grows too long, or has trailers.
fn keep(kept: &mut Vec<u8>, data: &[u8], trailers: bool, buffers: &mut Buffers) {
    if trailers || kept.len() + data.len() > limits::REPLAY_BYTES {
        buffers.give(std::mem::take(kept));
    } else if !kept.is_empty() {
        kept.extend_from_slice(data);
    }
}

impl<'a, S> Sink<'a, S> {
    /// A socket, or a stream with what waits for it, that is handed everything as it is.
    pub fn new(io: &'a mut Io<S>, stream: Option<&'a mut Stream>, chunked: bool) -> Self {
        Self { io, stream, chunked, change: None, kept: None }
    }

    /// Hand on a piece of data; with `end` the last one, and the trailer lines that follow it.
    ///
    /// # Errors
    /// [`Broken`] if the peer is gone.
    pub fn put<N: Net<Sock = S>>(
        &mut self,
        data: &[u8],
        end: Option<&[u8]>,
        wires: &mut Wires<'_, N>,
    ) -> Result<(), Broken> {
        if let Some(change) = self.change.take() {
            return self.put_changed(change, data, end, wires);
        }
        if let Some(stream) = &mut self.stream {
            let trailers = end.is_some_and(|lines| !lines.is_empty());
            if let Some(kept) = &mut self.kept {
                keep(kept, data, trailers, wires.buffers);
            }
            if !data.is_empty() || (end.is_some() && !trailers) {
                wires.sessions.send(self.io, stream, data, end.is_some() && !trailers, wires.buffers);
            }
            if let Some(lines) = end.filter(|_| trailers) {
                wires.sessions.finish(self.io, stream, lines);
            }
            return Ok(());
        }
        if !self.chunked {
            return if data.is_empty() { Ok(()) } else { self.io.send(wires.net, data, wires.buffers) };
        }
        wires.out.clear();
        append(data, true, wires.out);
        if let Some(lines) = end {
            wires.out.extend_from_slice(LAST_CHUNK);
            wires.out.extend_from_slice(lines);
            wires.out.extend_from_slice(CHUNK_END);
        }
        self.io.send(wires.net, wires.out, wires.buffers)
    }

    fn put_changed<N: Net<Sock = S>>(
        &mut self,
        mut change: Change<'a>,
        data: &[u8],
        end: Option<&[u8]>,
        wires: &mut Wires<'_, N>,
    ) -> Result<(), Broken> {
        let mut changed = wires.buffers.take();
        let sent = match change.apply(data, end, &mut changed) {
            // Whoever put it here sees that it was wrong, and says so.
            None => Ok(()),
            Some(end) => self.put(&changed, end, wires),
        };
        wires.buffers.give(changed);
        self.change = Some(change);
        sent
    }

    /// Hand on what a piece of an HTTP/1 message carries.
    pub fn carry<N: Net<Sock = S>>(
        &mut self,
        decoder: &mut Decoder,
        input: &[u8],
        wires: &mut Wires<'_, N>,
    ) -> Carried {
        if self.stream.is_some() || self.change.is_some() {
            return self.carry_pieces(decoder, input, wires);
        }
        // Without framing on either side the input is the output, up to its end; else it is written anew.
        if !self.chunked && decoder.remaining().is_some() {
            let step = match decoder.decode(input) {
                Ok(step) => step,
                Err(refusal) => return Carried { passed: Err(refusal), sent: Ok(()) },
            };
            let passed = Passed { consumed: step.consumed, data: step.data.len() };
            let sent = self.io.send(wires.net, input.get(step.data).unwrap_or(&[]), wires.buffers);
            return Carried { passed: Ok(passed), sent };
        }
        wires.out.clear();
        let passed = pass(decoder, input, self.chunked, wires.out);
        Carried { passed, sent: self.io.send(wires.net, wires.out, wires.buffers) }
    }

    fn carry_pieces<N: Net<Sock = S>>(
        &mut self,
        decoder: &mut Decoder,
        input: &[u8],
        wires: &mut Wires<'_, N>,
    ) -> Carried {
        let mut passed = Passed { consumed: 0, data: 0 };
        while let Some(rest) = input.get(passed.consumed..).filter(|rest| !rest.is_empty()) {
            let step = match decoder.decode(rest) {
                Ok(step) => step,
                Err(refusal) => return Carried { passed: Err(refusal), sent: Ok(()) },
            };
            let data = rest.get(step.data).unwrap_or(&[]);
            passed.consumed += step.consumed;
            passed.data += data.len();
            let end = step.done.then(|| decoder.trailers());
            if let Err(broken) = self.put(data, end, wires) {
                return Carried { passed: Ok(passed), sent: Err(broken) };
            }
            if step.done {
                break;
            }
        }
        Carried { passed: Ok(passed), sent: Ok(()) }
    }
}

/// What became of a piece that was carried.
pub struct Carried {
    /// Of its decoding.
    pub passed: Result<Passed, Refusal>,
    /// Of its sending.
    pub sent: Result<(), Broken>,
}

/// What became of one piece of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Input bytes that belong to this message.
    pub consumed: usize,
    /// Of them, body data.
    pub data: usize,
}

/// Decode `input` and append what it carries to `out`, in chunks if `chunked`. Stops at the end of the message: then
/// the decoder is done and, in chunks, the last chunk and the trailers are appended too.
///
/// # Errors
/// The decoder's refusal; what precedes the fault has been appended.
pub fn pass(
    decoder: &mut Decoder,
    input: &[u8],
    chunked: bool,
    out: &mut Vec<u8>,
) -> Result<Passed, Refusal> {
    let mut passed = Passed { consumed: 0, data: 0 };
    if decoder.is_done() {
        return Ok(passed);
    }
    while let Some(rest) = input.get(passed.consumed..).filter(|rest| !rest.is_empty()) {
        let step = decoder.decode(rest)?;
        let data = rest.get(step.data).unwrap_or(&[]);
        append(data, chunked, out);
        passed.consumed += step.consumed;
        passed.data += data.len();
        if step.done {
            end(decoder, chunked, out);
            break;
        }
    }
    Ok(passed)
}

/// Append one run of data.
pub fn append(data: &[u8], chunked: bool, out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    if chunked {
        chunk_head(data.len(), out);
        out.extend_from_slice(data);
        out.extend_from_slice(CHUNK_END);
    } else {
        out.extend_from_slice(data);
    }
}

/// Append the end of a message, with the trailers that may be forwarded.
pub fn end(decoder: &Decoder, chunked: bool, out: &mut Vec<u8>) {
    if chunked {
        out.extend_from_slice(LAST_CHUNK);
        out.extend_from_slice(decoder.trailers());
        out.extend_from_slice(CHUNK_END);
    }
}
