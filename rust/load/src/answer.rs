//! Reads one answer (RFC 9112): bytes in, "more" or "done" out. No socket, no clock.
//!
//! Theory: a generator must notice a wrong answer without paying for a right one. The head is read in one pass, line
//! by line, found by vectorised search; field names are checked, values only where they decide where the body ends.
//! Body bytes are counted and never looked at. What is cut in the middle of a line is kept until the rest comes.
//!
//! Rules: lines end in CRLF; a bare CR or LF is refused. Content-Length with Transfer-Encoding, differing lengths and
//! codings other than `chunked` are refused. Interim answers (1xx) are skipped; 101 is refused, nothing here upgrades.

use memchr::{memchr, memchr2};

/// Bytes of a head, of trailers or of a chunk line; nginx and HAProxy refuse well before.
const MAX_LINES_BYTES: usize = 64 * 1024;
/// Hex digits of a chunk size: sixteen are all that fit in 64 bits.
const MAX_CHUNK_DIGITS: usize = 16;

/// Why an answer was not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ended before the first byte.
    Closed,
    /// The connection ended before the answer did.
    Short,
    /// Not HTTP/1.1 as RFC 9112 defines it, or bytes after the end.
    Malformed,
}

/// Where the reader is after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The answer goes on.
    More,
    /// The answer is complete.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Fixed(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

/// The reader of one answer; `restart` makes it ready for the next.
#[derive(Debug)]
pub struct Answer {
    state: State,
    to_head_request: bool,
    kept: Vec<u8>,
    started: bool,
    /// Status code; 0 until the head is complete.
    pub status: u16,
    /// Bytes of the body so far.
    pub body: u64,
    /// Whether the connection cannot be used again.
    pub close: bool,
}

impl Answer {
    /// A reader for answers to requests that are (or are not) HEAD, which have no body (RFC 9110, 9.3.2).
    pub fn new(to_head_request: bool) -> Self {
        Self {
            state: State::Head,
            to_head_request,
            kept: Vec::new(),
            started: false,
            status: 0,
            body: 0,
            close: false,
        }
    }

    /// Forgets the last answer.
    pub fn restart(&mut self) {
        self.state = State::Head;
        self.kept.clear();
        self.started = false;
        self.status = 0;
        self.body = 0;
        self.close = false;
    }

    /// Takes the next bytes of the connection.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Fault> {
        self.started = true;
        if self.kept.is_empty() {
            return self.advance(bytes);
        }
        let mut joined = std::mem::take(&mut self.kept);
        joined.extend_from_slice(bytes);
        self.advance(&joined)
    }

    /// Body bytes that may be thrown away unread.
    pub fn discardable(&self) -> u64 {
        if let State::Fixed(left) = self.state { left } else { 0 }
    }

    /// Says that `count` of the `discardable` bytes were thrown away.
    pub fn discarded(&mut self, count: u64) -> Progress {
        self.body += count;
        match self.state {
            State::Fixed(left) if left > count => {
                self.state = State::Fixed(left - count);
                Progress::More
            }
            _ => {
                self.state = State::Done;
                Progress::Done
            }
        }
    }

    /// Says that the connection has ended; `clean` if nobody can have cut it short (RFC 9112, 9.8).
    pub fn end(&mut self, clean: bool) -> Result<(), Fault> {
        match self.state {
            State::UntilClose if clean => Ok(()),
            _ if !self.started => Err(Fault::Closed),
            _ => Err(Fault::Short),
        }
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Fault> {
        let mut at = 0;
        while self.state != State::Done {
            let rest = &bytes[at..];
            match self.step(rest)? {
                Some(used) => at += used,
                None => return self.keep(rest),
            }
        }
        if at == bytes.len() { Ok(Progress::Done) } else { Err(Fault::Malformed) }
    }

    /// One element of the grammar: the bytes it used, or nothing when it is not complete.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        match self.state {
            State::Head => self.head(bytes),
            State::Fixed(left) => Ok(self.body(bytes, left, State::Fixed, State::Done)),
            State::Chunk(left) => Ok(self.body(bytes, left, State::Chunk, State::ChunkEnd)),
            State::UntilClose => {
                self.body += bytes.len() as u64;
                Ok((!bytes.is_empty()).then_some(bytes.len()))
            }
            State::ChunkSize => self.on_line(bytes, |line| {
                chunk_size(line).map(|size| if size == 0 { State::Trailers } else { State::Chunk(size) })
            }),
            State::ChunkEnd => self.on_line(bytes, |line| {
                if line.is_empty() { Ok(State::ChunkSize) } else { Err(Fault::Malformed) }
            }),
            State::Trailers => self.on_line(bytes, |line| {
                if line.is_empty() { Ok(State::Done) } else { field(line).map(|_| State::Trailers) }
            }),
            State::Done => Err(Fault::Malformed),
        }
    }

    fn keep(&mut self, rest: &[u8]) -> Result<Progress, Fault> {
        if rest.len() > MAX_LINES_BYTES {
            return Err(Fault::Malformed);
        }
        self.kept.extend_from_slice(rest);
        Ok(Progress::More)
    }

    fn body(&mut self, bytes: &[u8], left: u64, same: fn(u64) -> State, next: State) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        let taken = left.min(bytes.len() as u64);
        self.body += taken;
        self.state = if taken == left { next } else { same(left - taken) };
        Some(taken as usize)
    }

    fn on_line(
        &mut self,
        bytes: &[u8],
        next: impl Fn(&[u8]) -> Result<State, Fault>,
    ) -> Result<Option<usize>, Fault> {
        let Some(length) = line(bytes)? else { return Ok(None) };
        self.state = next(&bytes[..length])?;
        Ok(Some(length + 2))
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let Some(length) = line(bytes)? else { return Ok(None) };
        let (minor, status) = status_line(&bytes[..length])?;
        let mut framing = Framing { close: minor == b'0', ..Framing::default() };
        let mut at = length + 2;
        loop {
            let Some(length) = line(&bytes[at..])? else { return Ok(None) };
            if length == 0 {
                break;
            }
            framing.note(&bytes[at..at + length])?;
            at += length + 2;
        }
        self.begin_body(status, &framing)?;
        Ok(Some(at + 2))
    }

    fn begin_body(&mut self, status: u16, framing: &Framing) -> Result<(), Fault> {
        if status == 101 {
            return Err(Fault::Malformed);
        }
        if status < 200 {
            return Ok(()); // interim: the state stays Head
        }
        self.status = status;
        self.close = framing.close;
        self.state = match (framing.chunked, framing.length) {
            (true, Some(_)) => return Err(Fault::Malformed),
            _ if self.to_head_request || status == 204 || status == 304 => State::Done,
            (true, None) => State::ChunkSize,
            (false, Some(0)) => State::Done,
            (false, Some(length)) => State::Fixed(length),
            (false, None) => {
                self.close = true;
                State::UntilClose
            }
        };
        Ok(())
    }
}

/// What the fields say about the end of the body and of the connection (RFC 9112, 6.3 and 9.3).
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    close: bool,
}

impl Framing {
    fn note(&mut self, line: &[u8]) -> Result<(), Fault> {
        let (name, value) = field(line)?;
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value)?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(Fault::Malformed);
                }
                self.length = Some(length);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Fault::Malformed);
                }
                self.chunked = true;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                    if option.eq_ignore_ascii_case(b"close") {
                        self.close = true;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        self.close = false;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The length of the first line without its CRLF; nothing when its end has not come.
fn line(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(end) = memchr2(b'\r', b'\n', bytes) else { return Ok(None) };
    match (bytes[end], bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => Ok(Some(end)),
        (b'\r', None) => Ok(None),
        _ => Err(Fault::Malformed),
    }
}

/// Minor version and status of `HTTP/1.x NNN reason`; the reason may be missing with its space.
fn status_line(line: &[u8]) -> Result<(u8, u16), Fault> {
    let Some((start, rest)) = line.split_at_checked(12) else { return Err(Fault::Malformed) };
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'1', b' ', digits @ ..] = start else {
        return Err(Fault::Malformed);
    };
    if !matches!(rest, [] | [b' ', ..]) {
        return Err(Fault::Malformed);
    }
    let status = decimal(digits)? as u16;
    if status < 100 { Err(Fault::Malformed) } else { Ok((*minor, status)) }
}

/// Name and trimmed value of a field line (RFC 9112, 5): no space before the colon, no line folding.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let colon = memchr(b':', line).ok_or(Fault::Malformed)?;
    let name = &line[..colon];
    if name.is_empty() || !name.iter().all(|&b| is_token(b)) {
        return Err(Fault::Malformed);
    }
    Ok((name, line[colon + 1..].trim_ascii()))
}

/// tchar of RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn decimal(digits: &[u8]) -> Result<u64, Fault> {
    if digits.is_empty() {
        return Err(Fault::Malformed);
    }
    digits.iter().try_fold(0_u64, |sum, &digit| {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return Err(Fault::Malformed);
        }
        sum.checked_mul(10).and_then(|s| s.checked_add(u64::from(value))).ok_or(Fault::Malformed)
    })
}

/// The size before an optional extension (RFC 9112, 7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > MAX_CHUNK_DIGITS {
        return Err(Fault::Malformed);
    }
    digits.iter().try_fold(0_u64, |sum, &digit| {
        let value = (digit as char).to_digit(16).ok_or(Fault::Malformed)?;
        Ok(sum << 4 | u64::from(value))
    })
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
