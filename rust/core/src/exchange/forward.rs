//! The request head as it is sent upstream: written anew from what was understood.
//!
//! Theory: fields that mean something to the hop or that a gateway must own are left out; everything else is copied
//! ([`write`](super::write)). What the gateway adds comes last, after all that a `Connection` field could have named was
//! removed (Traefik, CVE-2024-45410).

use super::grpc::Upward;
use super::websocket;
use super::write::{Digits, copy_fields, decimal, is_length, line};
use crate::hpack::{Encoder, Pseudo};
use crate::http1::Span;
use crate::http1::head::{Field, Framing, Known};
use crate::http1::request::Request;
use crate::route::Rule;
use crate::tls::Identity;

/// Everything that the head is written from.
pub struct Outgoing<'a> {
    /// The parsed head.
    pub request: &'a Request,
    /// The bytes it was parsed from.
    pub bytes: &'a [u8],
    /// Target in normal form, rewritten.
    pub target: &'a [u8],
    /// It is the target that was asked for, byte by byte.
    pub as_asked: bool,
    /// The rule that forwards it.
    pub rule: &'a Rule,
    /// The client's address.
    pub peer: &'a [u8],
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The gateway's name in `Via`.
    pub name: &'a str,
    /// Whether what came before us is believed.
    pub trust: bool,
    /// Value of `X-Request-Id`.
    pub request_id: &'a [u8],
    /// The request is passed on as an upgrade.
    pub upgrade: bool,
    /// What the client speaks, as `Via` names it.
    pub version: &'static str,
    /// Who the client is, if it has shown a certificate.
    pub client: Option<&'a Identity>,
    /// Chance, for a key of WebSocket.
    pub draws: [u64; 2],
    /// How the body is framed.
    pub framing: Framing,
    /// What differs for gRPC.
    pub grpc: Option<Upward>,
}

impl Outgoing<'_> {
    /// What is asked to switch to.
    pub fn protocol(&self) -> &[u8] {
        if self.request.is_extended_connect() {
            return self.request.protocol.of(self.bytes);
        }
        let field = self.request.fields.iter().find(|field| field.known == Known::Upgrade);
        field.map_or(&[], |field| field.value.of(self.bytes))
    }

    /// The beginning of the head, Host included, where it stands as it would be written anew.
    fn beginning(&self) -> Option<Span> {
        let (line, first) = (self.request.line, self.request.fields.first()?);
        let stands = self.as_asked && !line.is_empty() && first.known == Known::Host && first.plain;
        (stands && self.rule.rewrite.host.is_none())
            .then_some(Span { start: line.start, end: first.line.end })
    }

    /// Whether a field of the request goes no further.
    fn drops(&self, field: &Field) -> bool {
        let left_out = if self.trust { OWNED } else { OWNED | CLAIMS };
        left_out & field.known.bit() != 0
            || self.grpc.is_some_and(|grpc| grpc.drops(field.name.of(self.bytes)))
    }

    /// The upstream may answer with trailers.
    fn takes_trailers(&self) -> bool {
        self.request.te_trailers || self.grpc.is_some_and(|grpc| grpc.translated)
    }
}

/// Written by the gateway itself, never copied.
const OWNED: u64 = Known::Host.bit()
    | Known::ContentLength.bit()
    | Known::TransferEncoding.bit()
    | Known::XRequestId.bit()
    | Known::XForwardedFor.bit()
    | Known::XForwardedProto.bit()
    | Known::XForwardedHost.bit()
    | Known::XForwardedClientCert.bit();

/// Believed only from trusted clients.
const CLAIMS: u64 = Known::Forwarded.bit();

/// Append the whole head.
pub fn write(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (request, bytes) = (message.request, message.bytes);
    let beginning = message.beginning().unwrap_or_else(|| {
        begin(message, out);
        Span::default()
    });
    let keeps_length = message.framing == request.framing;
    let mut length_kept = false;
    let drops = |field: &Field| {
        let keep = keeps_length && is_length(field, bytes);
        length_kept |= keep;
        !keep && message.drops(field)
    };
    copy_fields(&request.fields, bytes, beginning, drops, &message.rule.request_edits, out);
    forwarded(message, out);
    framing(message, length_kept, out);
    out.extend_from_slice(b"\r\n");
}

/// Append the first line and Host.
fn begin(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (request, bytes) = (message.request, message.bytes);
    out.extend_from_slice(request.method_of(bytes));
    out.push(b' ');
    out.extend_from_slice(message.target);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    let rewritten = message.rule.rewrite.host.as_deref().map(str::as_bytes);
    out.extend_from_slice(rewritten.unwrap_or_else(|| request.host.of(bytes)));
    out.extend_from_slice(b"\r\n");
}

/// The fields in which a client may say by which way its request has come: none of one that is not trusted.
pub fn believed(request: &Request, trust: bool) -> &[Field] {
    if trust { &request.fields } else { &[] }
}

/// Who asked, how, and by which way: RFC 9110 §7.6.3 and the de facto `X-Forwarded-*`.
fn forwarded(message: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (request, bytes) = (message.request, message.bytes);
    let believed = believed(request, message.trust);
    let claimed = |known: Known| {
        let field = believed.iter().find(|field| field.known == known)?;
        (!field.hop).then(|| field.value.of(bytes))
    };
    out.extend_from_slice(b"X-Forwarded-For: ");
    let chain = believed.iter().filter(|field| field.known == Known::XForwardedFor && !field.hop);
    for value in chain.map(|field| field.value.of(bytes)).filter(|value| !value.is_empty()) {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
    out.extend_from_slice(message.peer);
    out.extend_from_slice(b"\r\nX-Forwarded-Proto: ");
    out.extend_from_slice(claimed(Known::XForwardedProto).unwrap_or(message.scheme.as_bytes()));
    out.extend_from_slice(b"\r\nX-Forwarded-Host: ");
    out.extend_from_slice(claimed(Known::XForwardedHost).unwrap_or_else(|| request.host.of(bytes)));
    if let Some(client) = message.client {
        out.extend_from_slice(b"\r\nX-Forwarded-Client-Cert: ");
        out.extend_from_slice(client.forwarded().as_bytes());
    }
    out.extend_from_slice(b"\r\nX-Request-Id: ");
    out.extend_from_slice(message.request_id);
    out.extend_from_slice(b"\r\nVia: ");
    out.extend_from_slice(message.version.as_bytes());
    out.push(b' ');
    out.extend_from_slice(message.name.as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Some(grpc) = message.grpc {
        grpc.lines(request, bytes, out);
    }
}

fn framing(message: &Outgoing<'_>, length_kept: bool, out: &mut Vec<u8>) {
    if message.request.is_extended_connect() {
        return websocket::ask(message.request, message.bytes, message.protocol(), message.draws, out);
    }
    match message.framing {
        Framing::Length(_) if length_kept => {}
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    if message.upgrade {
        out.extend_from_slice(b"Connection: upgrade\r\n");
        let wanted = message.request.fields.iter().filter(|field| field.known == Known::Upgrade);
        for field in wanted {
            line(b"Upgrade", field.value.of(message.bytes), out);
        }
    } else if message.grpc.is_some() && message.takes_trailers() {
        // RFC 9110 §10.1.4: the outcome of a call comes in trailers.
        out.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n");
    }
}

/// Append the whole head as a field block, for a stream to an endpoint that is asked by `scheme`. `lines` is a place for
/// what the gateway adds.
pub fn encode(message: &Outgoing<'_>, scheme: &str, lines: &mut Vec<u8>, out: &mut Vec<u8>) {
    let (request, bytes, encoder) = (message.request, message.bytes, Encoder::new());
    let rewritten = message.rule.rewrite.host.as_deref().map(str::as_bytes);
    let line = Line {
        method: request.method_text.of(bytes),
        switch_to: message.upgrade.then(|| message.protocol()),
        scheme,
        authority: rewritten.unwrap_or_else(|| request.host.of(bytes)),
        path: message.target,
    };
    line.encode(&encoder, out);
    let edits = &message.rule.request_edits;
    let edited = !edits.is_empty();
    let skip = |field: &Field| {
        message.drops(field)
            || (edited && edits.drops(field.name.of(bytes)))
            || (message.upgrade && field.name.of(bytes).eq_ignore_ascii_case(websocket::KEY))
    };
    encoder.fields(&request.fields, bytes, skip, out);
    encoder.lines(edits.lines(), out);
    lines.clear();
    forwarded(message, lines);
    encoder.lines(lines, out);
    let length = message.framing.length().filter(|_| !message.upgrade);
    encode_framing(&encoder, length, message.takes_trailers(), out);
}

/// What HTTP/2 says in place of a request line (RFC 9113 §8.3.1).
struct Line<'a> {
    method: &'a [u8],
    /// Extended CONNECT, to this (RFC 8441 §4).
    switch_to: Option<&'a [u8]>,
    scheme: &'a str,
    authority: &'a [u8],
    path: &'a [u8],
}

impl Line<'_> {
    fn encode(&self, encoder: &Encoder, out: &mut Vec<u8>) {
        encoder.pseudo(Pseudo::Method, self.switch_to.map_or(self.method, |_| b"CONNECT"), out);
        if let Some(protocol) = self.switch_to {
            encoder.pseudo(Pseudo::Protocol, protocol, out);
        }
        encoder.pseudo(Pseudo::Scheme, self.scheme.as_bytes(), out);
        encoder.pseudo(Pseudo::Authority, self.authority, out);
        encoder.pseudo(Pseudo::Path, self.path, out);
    }
}

/// The fields about the body that are written anew.
fn encode_framing(encoder: &Encoder, length: Option<u64>, trailers: bool, out: &mut Vec<u8>) {
    if let Some(length) = length {
        encoder.field(b"content-length", Digits::default().of(length), false, out);
    }
    if trailers {
        // RFC 9113 §8.2.2: the one value that may be sent on.
        encoder.field(b"te", b"trailers", false, out);
    }
}

/// Append the head of a request that was written for HTTP/1.1 as a field block, for a stream over TLS.
pub fn translate(request: &Request, bytes: &[u8], upgrade: bool, out: &mut Vec<u8>) {
    let encoder = Encoder::new();
    let asked = request.fields.iter().find(|field| field.known == Known::Upgrade);
    let end = request.query.map_or(request.path.end, |query| query.end);
    let line = Line {
        method: request.method_text.of(bytes),
        switch_to: upgrade.then(|| asked.map_or(&[][..], |field| field.value.of(bytes))),
        scheme: "https",
        authority: request.host.of(bytes),
        path: Span { start: request.path.start, end }.of(bytes),
    };
    line.encode(&encoder, out);
    let framing = Known::Host.bit() | Known::ContentLength.bit() | Known::TransferEncoding.bit();
    let skip = |field: &Field| {
        framing & field.known.bit() != 0
            || (upgrade && field.name.of(bytes).eq_ignore_ascii_case(websocket::KEY))
    };
    encoder.fields(&request.fields, bytes, skip, out);
    let length = request.framing.length().filter(|_| !upgrade);
    encode_framing(&encoder, length, request.te_trailers, out);
}
