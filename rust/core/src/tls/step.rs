//! One step of rustls's state machine, in either direction: what came of it, and where that goes.

use rustls::Error;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus, WriteTraffic};

/// Whether another step may bring something.
pub(super) enum Went {
    On,
    Idle,
}

/// Where the outcome of a step goes.
pub(super) struct Sink<'a> {
    pub plain: &'a mut [u8],
    pub taken: usize,
    pub over: Vec<u8>,
    pub out: &'a mut Vec<u8>,
    pub ended: bool,
}

impl Sink<'_> {
    /// One step of the state machine: how many bytes of the wire are used up, and whether to go on.
    #[inline]
    pub fn step<D>(&mut self, status: UnbufferedStatus<'_, '_, D>) -> (usize, Result<Went, Error>) {
        let UnbufferedStatus { discard, state } = status;
        let mut used = discard;
        let went = match state {
            Err(error) => Err(error),
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            self.put(record.payload);
                            used += record.discard;
                        }
                        Err(error) => return (used, Err(error)),
                    }
                }
                Ok(Went::On)
            }
            Ok(ConnectionState::EncodeTlsData(data)) => {
                encode(data, self.out);
                Ok(Went::On)
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Ok(Went::On)
            }
            Ok(ConnectionState::PeerClosed) => {
                self.ended = true;
                Ok(Went::On)
            }
            // Early data is not offered.
            Ok(ConnectionState::ReadEarlyData(_)) => Err(Error::General("early data".into())),
            Ok(_) => Ok(Went::Idle),
        };
        (used, went)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let room = if self.over.is_empty() { self.plain.len() - self.taken } else { 0 };
        let (now, later) = bytes.split_at(bytes.len().min(room));
        if let Some(to) = self.plain.get_mut(self.taken..self.taken + now.len()) {
            to.copy_from_slice(now);
        }
        self.taken += now.len();
        self.over.extend_from_slice(later);
    }
}

/// Append what rustls has made; it says how much room that takes.
fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) {
    let begin = out.len();
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        out.resize(begin + size.required_size, 0);
        let written = data.encode(out.get_mut(begin..).unwrap_or(&mut [])).unwrap_or(0);
        out.truncate(begin + written);
    }
}

/// What is to be written.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Data(&'a [u8]),
    End,
}

/// What became of it.
pub(super) enum Wrote {
    /// So many bytes that must go first.
    Before(usize),
    /// Everything.
    All(usize),
    /// It cannot be written.
    Not,
}

impl Write<'_> {
    #[inline]
    pub fn step<D>(self, status: UnbufferedStatus<'_, '_, D>, out: &mut [u8]) -> Wrote {
        match status.state {
            _ if status.discard > 0 => Wrote::Not,
            Ok(ConnectionState::WriteTraffic(traffic)) => self.put(traffic, out),
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                data.encode(out).map_or(Wrote::Not, Wrote::Before)
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Wrote::Before(0)
            }
            Ok(ConnectionState::PeerClosed) => Wrote::Before(0),
            _ => Wrote::Not,
        }
    }

    #[inline]
    fn put<D>(self, mut traffic: WriteTraffic<'_, D>, out: &mut [u8]) -> Wrote {
        let wrote = match self {
            Self::Data(plain) => traffic.encrypt(plain, out),
            Self::End => traffic.queue_close_notify(out),
        };
        wrote.map_or(Wrote::Not, Wrote::All)
    }
}
