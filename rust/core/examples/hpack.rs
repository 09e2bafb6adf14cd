//! Says what the HPACK codec makes of header blocks, for comparison with another (`tests/unit/test_hpack.py`).
//!
//! Reads records from standard input: an operation, a length of four bytes, big-endian, and that many bytes. Answers each
//! with one line of JSON; bytes appear as the characters of the same number.
//!
//! - `n`: a new connection in both directions. `l`: the table's limit becomes this decimal number.
//! - `d`: decode a block.
//! - `e`: encode fields, each a line of a flag (`!` for never indexed, else `-`), the name, a tab and the value.

use std::io::{Read, Write, stdin, stdout};

use gateway_core::hpack::{Block, Decoder, Encoder, Fault, Pseudo};
use gateway_core::http1::head::Limits;

#[derive(Default)]
struct Connection {
    decoder: Decoder,
    encoder: Encoder,
    head: Block,
}

fn main() -> std::io::Result<()> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut connection = Connection::default();
    let mut prefix = [0; 5];
    while input.read_exact(&mut prefix).is_ok() {
        let [operation, a, b, c, d] = prefix;
        let mut bytes = Vec::new();
        input.by_ref().take(u64::from(u32::from_be_bytes([a, b, c, d]))).read_to_end(&mut bytes)?;
        writeln!(output, "{}", connection.answer(operation, &bytes))?;
        output.flush()?;
    }
    Ok(())
}

impl Connection {
    fn answer(&mut self, operation: u8, bytes: &[u8]) -> String {
        match operation {
            b'n' => *self = Self::default(),
            b'l' => {
                let limit = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
                self.decoder.set_limit(limit.unwrap_or_default());
            }
            b'd' => return self.decode(bytes),
            _ => return self.encode(bytes),
        }
        "{}".into()
    }

    fn decode(&mut self, block: &[u8]) -> String {
        let limits = Limits { headers: u16::MAX, header_bytes: u32::MAX, ..Limits::default() };
        let head = &mut self.head;
        let answer = self.decoder.decode(block, &limits, head);
        let table = self.decoder.table_size();
        match answer {
            Err(Fault::Connection(corrupt)) => {
                return format!(r#"{{"verdict": "corrupt", "cause": "{corrupt:?}"}}"#);
            }
            Err(Fault::Stream(cause)) => {
                return format!(r#"{{"verdict": "malformed", "cause": "{cause:?}", "table": {table}}}"#);
            }
            Ok(()) => {}
        }
        let pseudo = Pseudo::ALL.iter().filter_map(|name| Some((name, head.pseudo(*name)?)));
        let pseudo = pseudo.map(|(name, value)| {
            format!("[{}, {}, null]", text(name.text().as_bytes()), text(value.of(&head.text)))
        });
        let fields = head.fields.iter().map(|field| {
            let (name, value) = (field.name.of(&head.text), field.value.of(&head.text));
            format!("[{}, {}, {}]", text(name), text(value), field.never_indexed)
        });
        let all: Vec<_> = pseudo.chain(fields).collect();
        format!(r#"{{"verdict": "ok", "table": {table}, "fields": [{}]}}"#, all.join(", "))
    }

    fn encode(&mut self, lines: &[u8]) -> String {
        let mut out = Vec::new();
        self.encoder.begin(&mut out);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (flag, line) = line.split_at(1);
            let tab = line.iter().position(|byte| *byte == b'\t').unwrap_or(line.len());
            let (name, value) = line.split_at(tab);
            let value = value.get(1..).unwrap_or(&[]);
            match Pseudo::ALL.iter().find(|pseudo| pseudo.text().as_bytes() == name) {
                Some(Pseudo::Status) => {
                    let status = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                    self.encoder.status(status.unwrap_or_default(), &mut out);
                }
                Some(pseudo) => self.encoder.pseudo(*pseudo, value, &mut out),
                None => self.encoder.field(name, value, flag == b"!", &mut out),
            }
        }
        format!(r#"{{"verdict": "ok", "block": {}}}"#, text(&out))
    }
}

fn text(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for byte in bytes {
        match byte {
            b' '..=b'~' if !matches!(byte, b'"' | b'\\') => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push('"');
    out
}
