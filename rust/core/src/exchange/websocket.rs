//! The handshake of WebSocket where the two sides speak different versions of HTTP.
//!
//! Theory: over HTTP/1.1 a client proves with a key and its digest that the server means WebSocket (RFC 6455 §1.3); over
//! HTTP/2 the extended CONNECT itself says so and there is neither (RFC 8441 §5). So a gateway between them makes up the
//! key that one side lacks, and the digest that the other side waits for.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::grpc::base64::Encoder;
use crate::http1::head::Field;
use crate::http1::request::Request;

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The field that carries the key.
pub const KEY: &[u8] = b"sec-websocket-key";

/// The field that carries its digest.
pub const ACCEPT: &[u8] = b"sec-websocket-accept";

fn base64(bytes: &[u8]) -> Vec<u8> {
    let (mut encoder, mut text) = (Encoder::new(), Vec::new());
    encoder.encode(bytes, &mut text);
    encoder.flush(&mut text);
    text
}

/// Whether what is asked for is WebSocket.
#[must_use]
pub fn is_websocket(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(b"websocket")
}

/// The first field with this name, in lower case.
pub fn find<'a>(fields: &'a [Field], bytes: &[u8], name: &[u8]) -> Option<&'a Field> {
    fields.iter().find(|field| field.name.of(bytes).eq_ignore_ascii_case(name))
}

/// The lines that ask an HTTP/1.1 server to switch to `protocol`. A key is made of `draws` where there is none.
pub fn ask(request: &Request, bytes: &[u8], protocol: &[u8], draws: [u64; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: ");
    out.extend_from_slice(protocol);
    out.extend_from_slice(b"\r\n");
    if is_websocket(protocol) && find(&request.fields, bytes, KEY).is_none() {
        let mut nonce = [0; 16];
        for (part, draw) in nonce.as_chunks_mut::<8>().0.iter_mut().zip(draws) {
            *part = draw.to_be_bytes();
        }
        out.extend_from_slice(b"Sec-WebSocket-Key: ");
        out.extend_from_slice(&base64(&nonce));
        out.extend_from_slice(b"\r\n");
    }
}

/// The lines that tell a client of HTTP/1.1, who gave `key`, that the other side has switched to `protocol`.
#[must_use]
pub fn agree(protocol: &[u8], key: Option<&[u8]>) -> Vec<u8> {
    let mut lines = b"Connection: upgrade\r\nUpgrade: ".to_vec();
    lines.extend_from_slice(protocol);
    lines.extend_from_slice(b"\r\n");
    if let Some(key) = key.filter(|_| is_websocket(protocol)) {
        let proof = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
        lines.extend_from_slice(b"Sec-WebSocket-Accept: ");
        lines.extend_from_slice(&base64(proof.as_ref()));
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_rfc_6455() {
        let lines = agree(b"websocket", Some(b"dGhlIHNhbXBsZSBub25jZQ=="));
        let text = String::from_utf8(lines).unwrap();
        assert_eq!(
            text,
            "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        );
        assert!(!String::from_utf8(agree(b"other", Some(b"x"))).unwrap().contains("Accept"));
    }

    #[test]
    fn a_key_is_made_once_and_only_for_websocket() {
        let asked = |protocol: &[u8]| {
            let mut out = Vec::new();
            ask(&Request::new(), b"", protocol, [1, 2], &mut out);
            String::from_utf8(out).unwrap()
        };
        assert!(asked(b"websocket").ends_with("Sec-WebSocket-Key: AAAAAAAAAAEAAAAAAAAAAg==\r\n"));
        assert!(!asked(b"connect-udp").contains("Key"));
    }
}
