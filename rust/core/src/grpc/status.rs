//! The outcome of a call: gRPC's codes, what the gateway's own reasons are among them, and how one is written.
//!
//! Theory: a gRPC client that gets an answer without `grpc-status` makes one up from the HTTP status
//! (`http-grpc-status-mapping.md`), which knows less than we do: a deadline that passed and a refused connection are
//! the same 5xx. So a fault is answered in the client's own words: HTTP 200, `grpc-status`, `grpc-message`, nothing
//! else (*Trailers-Only* in PROTOCOL-HTTP2).
//!
//! Rules: `UNAVAILABLE` invites to try again, so it is said only where another try may do better; `OK` is never said
//! for an upstream. `Proxy-Status` and the access log keep the reason and its HTTP status.

use crate::reason::Reason;

/// gRPC's codes (`statuscodes.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// All is well.
    Ok,
    /// The caller ended it.
    Cancelled,
    /// Nothing is known of why.
    Unknown,
    /// The caller said something wrong.
    InvalidArgument,
    /// The time was over.
    DeadlineExceeded,
    /// There is no such thing.
    NotFound,
    /// There is such a thing already.
    AlreadyExists,
    /// The caller may not do that.
    PermissionDenied,
    /// A quota or a limit was reached.
    ResourceExhausted,
    /// The system is not in the state for it.
    FailedPrecondition,
    /// A conflict; the caller should begin anew.
    Aborted,
    /// Past the end.
    OutOfRange,
    /// There is no such method.
    Unimplemented,
    /// Something that must hold does not.
    Internal,
    /// Not now; it may be tried again.
    Unavailable,
    /// Data is lost.
    DataLoss,
    /// Nobody knows who the caller is.
    Unauthenticated,
}

/// All codes, in the order of their numbers.
pub const ALL: [Code; 17] = [
    Code::Ok,
    Code::Cancelled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

impl Code {
    /// What the gateway answers for a reason of its own.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Ok => Self::Ok,
            Reason::ClientGone => Self::Cancelled,
            // The call reached its time, wherever it was lost: trying again would be late too.
            Reason::RequestTimeout
            | Reason::PerTryTimeout
            | Reason::IdleTimeout
            | Reason::HeaderTimeout
            | Reason::BodyTimeout => Self::DeadlineExceeded,
            // Headers over a limit, as grpc's own peers say it.
            Reason::RequestHeadTooLarge => Self::ResourceExhausted,
            // No such method here: what a server says of a name it does not know.
            Reason::NoHost | Reason::NoRule => Self::Unimplemented,
            // Nobody has taken the call, or a connection broke under it: another try may meet a better one.
            Reason::Misdirected
            | Reason::NoEndpoint
            | Reason::ConnectRefused
            | Reason::ConnectFailed
            | Reason::ConnectTimeout
            | Reason::UpstreamCertificate
            | Reason::UpstreamTls
            | Reason::UpstreamClosed
            | Reason::UpstreamTruncated
            | Reason::UpgradeRefused
            | Reason::HandlersBusy
            | Reason::Overloaded
            | Reason::Drained => Self::Unavailable,
            // As a server whose method raised an exception.
            Reason::HandlerFailed => Self::Unknown,
            // One side does not speak the protocol: another try says the same.
            Reason::RequestInvalid | Reason::PathRefused | Reason::UpstreamInvalid | Reason::Internal => {
                Self::Internal
            }
        }
    }

    /// What a client makes of an answer that has no `grpc-status` (`http-grpc-status-mapping.md`).
    #[must_use]
    pub const fn of_http(status: u16) -> Self {
        match status {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    /// Of the value of `grpc-status`; `Unknown` for what is none, as clients take it.
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let number = match value {
            [digit @ b'0'..=b'9'] => digit - b'0',
            [b'1', digit @ b'0'..=b'6'] => 10 + digit - b'0',
            _ => return Self::Unknown,
        };
        ALL.get(usize::from(number)).copied().unwrap_or(Self::Unknown)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Appends the outcome as field lines: `grpc-status` and `grpc-message`.
pub fn lines(code: Code, message: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(b"grpc-status: ");
    if code.number() >= 10 {
        out.push(b'1');
    }
    out.extend_from_slice(&[b'0' + code.number() % 10]);
    out.extend_from_slice(b"\r\ngrpc-message: ");
    for part in message {
        percent(part.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `text` in percent-encoding: printable ASCII but `%` stands for itself (PROTOCOL-HTTP2, *Percent-Encoded*).
pub fn percent(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
    for &byte in text {
        match byte {
            b'%' | ..=0x1f | 0x7f.. => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]),
            _ => out.push(byte),
        }
    }
}

/// The outcome in a list of field lines, `name: value` CRLF each; `None` if it is not there.
#[must_use]
pub fn find(lines: &[u8]) -> Option<Code> {
    const NAME: &[u8] = b"grpc-status:";
    let of = |line: &[u8]| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| Code::read(value.trim_ascii()))
    };
    lines.split(|byte| *byte == b'\n').find_map(of)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails loudly

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_follow_the_order_of_all() {
        for (number, code) in ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), number);
            assert_eq!(Code::read(number.to_string().as_bytes()), *code);
        }
        for text in ["", "17", "-1", "00", "1 ", "160", "x"] {
            assert_eq!(Code::read(text.as_bytes()), Code::Unknown, "{text}");
        }
    }

    #[test]
    fn only_what_went_well_is_said_to_have_gone_well() {
        for reason in crate::reason::ALL {
            assert_eq!(Code::of(reason) == Code::Ok, reason == Reason::Ok, "{reason:?}");
        }
    }

    #[test]
    fn http_statuses_mean_what_grpc_says() {
        let said = [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (500, 2),
            (200, 2),
        ];
        for (status, code) in said {
            assert_eq!(Code::of_http(status).number(), code, "{status}");
        }
    }

    #[test]
    fn an_outcome_is_two_lines() {
        let mut out = Vec::new();
        lines(Code::Unavailable, &["100 % ", "später\r\n"], &mut out);
        assert_eq!(out, b"grpc-status: 14\r\ngrpc-message: 100 %25 sp%C3%A4ter%0D%0A\r\n");
        assert_eq!(find(&out), Some(Code::Unavailable));
        assert_eq!(find(b"x: y\r\nGrpc-Status:0\r\n"), Some(Code::Ok));
        assert_eq!(find(b"x-grpc-status: 0\r\n"), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_printable_and_decodes_to_the_same(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut out = Vec::new();
            percent(&text, &mut out);
            prop_assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)));
            let mut back = Vec::new();
            let mut rest = out.as_slice();
            while let Some((first, after)) = rest.split_first() {
                if *first == b'%' {
                    let digits = std::str::from_utf8(&after[..2]).unwrap();
                    back.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &after[2..];
                } else {
                    back.push(*first);
                    rest = after;
                }
            }
            prop_assert_eq!(back, text);
        }
    }
}
