//! The one request of a run, made once and sent again and again: bytes for HTTP/1.1, a field block for HTTP/2.
//!
//! Rules: HTTP/2 fields are encoded without the dynamic table, so that the same block fits every stream of every
//! connection. What a user writes with `-H` wins over what would be said by itself.

use gateway_core::hpack::{Encoder, Pseudo};

/// Bytes before a gRPC message: compressed or not, and its length (gRPC over HTTP/2, Length-Prefixed-Message).
pub const GRPC_PREFIX: usize = 5;

/// What to ask, in parts.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Host and port.
    pub authority: &'a str,
    /// `name: value` each, as the user wrote them.
    pub headers: &'a [String],
    /// Bytes of the body.
    pub body: usize,
    /// The connection carries more than this request.
    pub keep: bool,
    /// The target is of the `https` scheme.
    pub tls: bool,
    /// A gRPC call, whose message has `body` bytes.
    pub grpc: bool,
}

impl Parts<'_> {
    /// Head and body as HTTP/1.1 sends them.
    pub fn http1(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.names("host") {
            head += &format!("Host: {}\r\n", self.authority);
        }
        if !self.keep && !self.names("connection") {
            head += "Connection: close\r\n";
        }
        if self.body > 0 && !self.names("content-length") {
            head += &format!("Content-Length: {}\r\n", self.body);
        }
        for header in self.headers {
            head += &format!("{header}\r\n");
        }
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.resize(bytes.len() + self.body, b'x');
        Ok(bytes)
    }

    /// The field block of HTTP/2 (RFC 9113, 8.3.1).
    pub fn http2(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let (encoder, mut block) = (Encoder::new(), Vec::new());
        let host = self.value("host").unwrap_or(self.authority);
        let scheme = if self.tls { "https" } else { "http" };
        for (name, value) in [
            (Pseudo::Method, self.method),
            (Pseudo::Scheme, scheme),
            (Pseudo::Authority, host),
            (Pseudo::Path, self.target),
        ] {
            encoder.pseudo(name, value.as_bytes(), &mut block);
        }
        if self.grpc {
            for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
                encoder.field(name.as_bytes(), value.as_bytes(), false, &mut block);
            }
        } else if self.body > 0 && !self.names("content-length") {
            encoder.field(b"content-length", self.body.to_string().as_bytes(), false, &mut block);
        }
        for header in self.headers {
            let Some((name, value)) = header.split_once(':') else { continue };
            if !name.eq_ignore_ascii_case("host") {
                encoder.field(name.as_bytes(), value.trim().as_bytes(), false, &mut block);
            }
        }
        Ok(block)
    }

    /// The body of HTTP/2: as many bytes as were asked for, or one gRPC message of as many.
    pub fn body(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.grpc {
            bytes.push(0);
            bytes.extend_from_slice(&(self.body as u32).to_be_bytes());
        }
        bytes.resize(bytes.len() + self.body, b'x');
        bytes
    }

    fn check(&self) -> Result<(), String> {
        let parts = [self.method, self.target, self.authority];
        let mut every = self.headers.iter().map(String::as_str).chain(parts);
        if every.any(|part| part.contains(|c: char| c.is_ascii_control()))
            || self.method.contains(' ')
            || self.target.contains(' ')
        {
            return Err("control characters and stray spaces do not belong in a request".into());
        }
        match self.headers.iter().find(|header| !header.contains(':')) {
            Some(header) => Err(format!("-H {header}: write 'name: value'")),
            None => Ok(()),
        }
    }

    fn names(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter().filter_map(|header| header.split_once(':'));
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}
