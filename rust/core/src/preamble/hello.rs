//! The first message of TLS, read for the name that the client asks for (SNI, RFC 6066 §3), and nothing else.
//!
//! Theory: a ClientHello (RFC 8446 §4.1.2) is a handshake message in one or more records. Once it is whole, its lengths
//! lead to the extensions, and one of those has the name. Nothing is verified: whoever gets the connection does that.
//!
//! Rule: what is not exactly as the RFCs say is [`Seen::Other`]: it is not passed on by its name but given to TLS as it
//! is, which knows how to refuse it.

use super::limits::{HELLO_BYTES, NAME_BYTES};

/// Content type of records with handshake messages (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// Type, version, length.
const RECORD_HEAD: usize = 5;
/// Plain bytes of a record.
const RECORD_BYTES: usize = 16 * 1024;
/// Of handshake messages (RFC 8446 §4).
const CLIENT_HELLO: u8 = 1;
/// Type and length of a handshake message.
const MESSAGE_HEAD: usize = 4;
/// Of extensions (RFC 6066 §3).
const SERVER_NAME: u16 = 0;
/// The only kind of name there is (RFC 6066 §3).
const HOST_NAME: u8 = 0;

/// What the beginning of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// More has to come.
    Partial,
    /// A whole ClientHello that asks for this name, in lower case.
    Name(String),
    /// Something else, or a ClientHello without a name.
    Other,
}

/// Look at everything that has come.
#[must_use]
pub fn read(bytes: &[u8]) -> Seen {
    let seen = bytes.get(..HELLO_BYTES).unwrap_or(bytes);
    match message(seen) {
        Some(Message::Whole(message)) => hello_name(&message).map_or(Seen::Other, Seen::Name),
        Some(Message::Partial) if bytes.len() < HELLO_BYTES => Seen::Partial,
        _ => Seen::Other,
    }
}

enum Message {
    Partial,
    Whole(Vec<u8>),
}

/// The first handshake message, put together from its records; `None` if these are none, or it cannot end within
/// [`HELLO_BYTES`].
fn message(bytes: &[u8]) -> Option<Message> {
    let Some(wanted) = message_length(bytes)? else { return Some(Message::Partial) };
    if RECORD_HEAD + wanted > HELLO_BYTES {
        return None;
    }
    // First whether it is whole: only then is it worth a copy.
    if !records(bytes, wanted, |_| {})? {
        return Some(Message::Partial);
    }
    let mut message = Vec::with_capacity(wanted);
    records(bytes, wanted, |part| message.extend_from_slice(part))?;
    message.truncate(wanted);
    Some(Message::Whole(message))
}

/// Length of the first message with its head. `Some(None)`: more has to come.
fn message_length(bytes: &[u8]) -> Option<Option<usize>> {
    let mut head = [0; MESSAGE_HEAD];
    let mut filled = 0;
    let whole = records(bytes, MESSAGE_HEAD, |part| {
        for (to, from) in head.iter_mut().skip(filled).zip(part) {
            *to = *from;
        }
        filled += part.len();
    })?;
    if filled > 0 && head[0] != CLIENT_HELLO {
        return None;
    }
    let [_, high, middle, low] = head;
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    Some(whole.then_some(MESSAGE_HEAD + length))
}

/// Go through records until they have brought `wanted` bytes; whether they have. `None`: these are no records of a
/// handshake.
fn records(mut rest: &[u8], wanted: usize, mut part: impl FnMut(&[u8])) -> Option<bool> {
    let mut got = 0;
    while got < wanted {
        let head = rest.get(..RECORD_HEAD).unwrap_or(rest);
        // A version is 3.x whatever is agreed upon later (RFC 8446 §5.1), and a record of a handshake is not empty.
        let plausible = match *head {
            [] => return Some(false),
            [kind] => kind == HANDSHAKE,
            [kind, major] | [kind, major, _] | [kind, major, _, _] => kind == HANDSHAKE && major == 3,
            [kind, major, _, high, low] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                kind == HANDSHAKE && major == 3 && (1..=RECORD_BYTES).contains(&length)
            }
            _ => false,
        };
        if !plausible {
            return None;
        }
        let &[_, _, _, high, low] = head else { return Some(false) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let behind = rest.get(RECORD_HEAD..).unwrap_or(&[]);
        let here = behind.get(..length).unwrap_or(behind);
        part(here);
        got += here.len();
        if here.len() < length {
            break;
        }
        rest = behind.get(length..).unwrap_or(&[]);
    }
    Some(got >= wanted)
}

/// The name in a whole ClientHello, if it is one to the last byte (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
fn hello_name(message: &[u8]) -> Option<String> {
    let mut hello = Reader(message.get(MESSAGE_HEAD..)?);
    let _version = hello.take(2)?;
    let _random = hello.take(32)?;
    let _session = hello.vector(1).filter(|session| session.len() <= 32)?;
    let _suites = hello.vector(2).filter(|suites| !suites.is_empty() && suites.len() % 2 == 0)?;
    let _compression = hello.vector(1).filter(|methods| !methods.is_empty())?;
    let mut extensions = Reader(hello.vector(2)?);
    if !hello.0.is_empty() {
        return None;
    }
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let data = extensions.vector(2)?;
        if kind == usize::from(SERVER_NAME) {
            // There must not be two of one kind (RFC 8446 §4.2).
            if name.is_some() {
                return None;
            }
            name = Some(server_name(data)?);
        }
    }
    name
}

/// The one name of the extension (RFC 6066 §3): there must not be two, and others than host names do not exist.
fn server_name(data: &[u8]) -> Option<String> {
    let mut data = Reader(data);
    let mut list = Reader(data.vector(2)?);
    let kind = list.number(1)?;
    let name = list.vector(2)?;
    let whole = data.0.is_empty() && list.0.is_empty() && kind == usize::from(HOST_NAME);
    (whole && is_host_name(name)).then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A DNS name in ASCII without the root's dot, and no address (RFC 6066 §3).
fn is_host_name(name: &[u8]) -> bool {
    let label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // The last label of an IPv4 address is a number, that of a name is not.
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(&[]);
    name.len() <= NAME_BYTES
        && name.split(|byte| *byte == b'.').all(label)
        && !last.iter().all(u8::is_ascii_digit)
}

/// Takes a message apart from its beginning.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.0.get(..length)?;
        self.0 = self.0.get(length..)?;
        Some(taken)
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What follows its length, which has so many bytes.
    fn vector(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}
