//! What a field is by its name, and whether its bytes may stand in a head. RFC 9113 §8.2, §8.3.

use crate::http1::bytes::{token_end, value_end};
use crate::http1::head::{Cause, Known};

macro_rules! pseudo {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// A pseudo-header field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Pseudo { $($(#[$doc])* $name,)* }

        impl Pseudo {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, colon included.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

pseudo! {
    /// RFC 9113 §8.3.1.
    Method ":method"
    /// RFC 9113 §8.3.1.
    Scheme ":scheme"
    /// RFC 9113 §8.3.1.
    Authority ":authority"
    /// RFC 9113 §8.3.1.
    Path ":path"
    /// RFC 9113 §8.3.2.
    Status ":status"
    /// RFC 8441 §4.
    Protocol ":protocol"
}

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field that may be forwarded.
    Regular(Known),
    /// A pseudo-header field.
    Pseudo(Pseudo),
    /// Whatever message holds it is malformed.
    Faulty(Cause),
}

/// What the field is whose name is `buf[at..]`. More bytes after the name make it faster, so they may be there.
#[inline]
pub(super) fn kind(buf: &[u8], at: usize, len: usize) -> Kind {
    let name = buf.get(at..at + len).unwrap_or(&[]);
    if name.first() == Some(&b':') {
        return pseudo(name);
    }
    if name.is_empty() || token_end(name, 0) < name.len() {
        return Kind::Faulty(Cause::NameInvalid);
    }
    if name.iter().any(u8::is_ascii_uppercase) {
        return Kind::Faulty(Cause::NameUppercase);
    }
    Kind::Regular(Known::of(buf, at, len))
}

fn pseudo(name: &[u8]) -> Kind {
    let found = Pseudo::ALL.iter().find(|pseudo| pseudo.text().as_bytes() == name);
    found.map_or(Kind::Faulty(Cause::PseudoUnknown), |pseudo| Kind::Pseudo(*pseudo))
}

/// What is wrong with `value`.
#[inline]
pub(super) fn value_fault(value: &[u8]) -> Option<Cause> {
    if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value {
        return Some(Cause::ValueSpace);
    }
    (value_end(value, 0) < value.len()).then_some(Cause::ValueByte)
}
