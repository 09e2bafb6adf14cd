//! HTTP/1.1 as the scripts read it: written for the simulation, from the RFC, and deliberately nothing of the codec
//! under test. Strict where a peer's promise is checked: framing, line ends, one length.

use std::io::ErrorKind;

use gateway_core::sim::Sock;

/// A message as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub line: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

impl Message {
    pub fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    pub fn word(&self, at: usize) -> &str {
        self.line.split(' ').nth(at).unwrap_or("")
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Orderly,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Length(usize),
    Size,
    Chunk(usize),
    Trailers,
    UntilClose,
}

/// Reads messages out of a stream.
pub struct Reader {
    requests: bool,
    buf: Vec<u8>,
    stage: Stage,
    message: Message,
}

impl Reader {
    pub fn of_requests() -> Self {
        Self { requests: true, buf: Vec::new(), stage: Stage::Head, message: Message::default() }
    }

    pub fn of_responses() -> Self {
        Self { requests: false, ..Self::of_requests() }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// The message whose head was read and whose end was not.
    pub fn begun(&self) -> Option<&Message> {
        (self.stage != Stage::Head).then_some(&self.message)
    }

    /// What was fed and not yet read.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buf)
    }

    /// Whether the stream stands between two messages.
    pub fn is_between(&self) -> bool {
        self.stage == Stage::Head && self.buf.is_empty()
    }

    /// The next whole message. `bodiless`: the next response answers HEAD.
    pub fn next(&mut self, bodiless: bool) -> Result<Option<Message>, String> {
        loop {
            match self.stage {
                Stage::Head => {
                    let Some(end) = find(&self.buf, b"\r\n\r\n") else { return Ok(None) };
                    let head = self.cut(end + 4);
                    self.message = parse_head(&head)?;
                    match self.framing(bodiless)? {
                        Some(stage) => self.stage = stage,
                        None => return Ok(Some(std::mem::take(&mut self.message))),
                    }
                }
                Stage::Length(left) | Stage::Chunk(left) if left > 0 => {
                    let taken = left.min(self.buf.len());
                    if taken == 0 {
                        return Ok(None);
                    }
                    let data = self.cut(taken);
                    self.message.body.extend(data);
                    let chunk = matches!(self.stage, Stage::Chunk(_));
                    self.stage = if chunk { Stage::Chunk(left - taken) } else { Stage::Length(left - taken) };
                }
                Stage::Length(_) => return Ok(Some(self.done())),
                Stage::Chunk(_) => {
                    if self.buf.len() < 2 {
                        return Ok(None);
                    }
                    if self.cut(2) != b"\r\n" {
                        return Err("a chunk does not end with CRLF".into());
                    }
                    self.stage = Stage::Size;
                }
                Stage::Size => {
                    let Some(line) = self.line() else { return Ok(None) };
                    let size =
                        usize::from_str_radix(&line, 16).map_err(|_| format!("chunk size {line:?}"))?;
                    self.stage = if size == 0 { Stage::Trailers } else { Stage::Chunk(size) };
                }
                Stage::Trailers => {
                    let Some(line) = self.line() else { return Ok(None) };
                    if line.is_empty() {
                        return Ok(Some(self.done()));
                    }
                    self.message.trailers.push(field(&line)?);
                }
                Stage::UntilClose => {
                    let rest = std::mem::take(&mut self.buf);
                    self.message.body.extend(rest);
                    return Ok(None);
                }
            }
        }
    }

    /// The stream has ended in order: is that the end of a message?
    pub fn ended(&mut self) -> Option<Message> {
        (self.stage == Stage::UntilClose).then(|| self.done())
    }

    fn done(&mut self) -> Message {
        self.stage = Stage::Head;
        std::mem::take(&mut self.message)
    }

    fn cut(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buf.split_off(count);
        std::mem::replace(&mut self.buf, rest)
    }

    fn line(&mut self) -> Option<String> {
        let end = find(&self.buf, b"\r\n")?;
        let mut line = self.cut(end + 2);
        line.truncate(end);
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    fn framing(&self, bodiless: bool) -> Result<Option<Stage>, String> {
        let message = &self.message;
        let lengths: Vec<_> = message.all("content-length").collect();
        let codings: Vec<_> = message.all("transfer-encoding").collect();
        if lengths.len() + codings.len() > 1 {
            return Err(format!("more than one framing: {:?}", message.fields));
        }
        let status = if self.requests { 0 } else { message.status() };
        if status / 100 == 1 || status == 204 || status == 304 || bodiless {
            return Ok(None);
        }
        if let Some(coding) = codings.first() {
            return if *coding == "chunked" {
                Ok(Some(Stage::Size))
            } else {
                Err(format!("coding {coding}"))
            };
        }
        match lengths.first() {
            Some(length) => {
                let length = length.parse().map_err(|_| format!("length {length:?}"))?;
                Ok(Some(Stage::Length(length)))
            }
            None if self.requests => Ok(None),
            None => Ok(Some(Stage::UntilClose)),
        }
    }
}

fn parse_head(head: &[u8]) -> Result<Message, String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let line = lines.next().unwrap_or("").to_owned();
    let fields = lines.map(field).collect::<Result<_, _>>()?;
    Ok(Message { line, fields, ..Message::default() })
}

fn field(line: &str) -> Result<(String, String), String> {
    match line.split_once(": ") {
        Some((name, value)) if !name.is_empty() && !name.contains(' ') => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(format!("not a field line: {line:?}")),
    }
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A body in chunks of these sizes, cycled, with trailers.
pub fn chunked(body: &[u8], sizes: &[usize], trailers: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    for size in sizes.iter().cycle() {
        let (chunk, left) = rest.split_at((*size).max(1).min(rest.len()));
        if chunk.is_empty() {
            break;
        }
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
        rest = left;
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        out.extend(format!("{name}: {value}\r\n").bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Everything that can be read now, and the end if it has come.
pub fn drain(sock: &Sock, most: usize) -> (Vec<u8>, Option<End>) {
    let mut got = Vec::new();
    let mut buf = [0u8; 8192];
    while got.len() < most {
        let room = buf.len().min(most - got.len());
        match sock.read(&mut buf[..room]) {
            Ok(0) => return (got, Some(End::Orderly)),
            Ok(count) => got.extend_from_slice(&buf[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return (got, Some(End::Reset)),
        }
    }
    (got, None)
}

/// Write as much as fits off the front of `out`. `false`: the connection is gone.
pub fn push(sock: &Sock, out: &mut Vec<u8>, most: usize) -> bool {
    let mut allowed = most.min(out.len());
    while allowed > 0 {
        match sock.write(&out[..allowed]) {
            Ok(count) => {
                out.drain(..count);
                allowed -= count;
            }
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}

impl Reader {
    /// Everything unread, with what came now.
    pub fn rest_with(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.feed(bytes);
        self.rest()
    }
}
