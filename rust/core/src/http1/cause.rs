//! Why a message was refused: a closed set, one word per fault.

/// A refused message: nothing of it may be forwarded, and its connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What to answer. For a response from upstream always 502; a body's decoder does not know its role and says
    /// what a request would be answered.
    pub status: u16,
    /// Which fault.
    pub cause: Cause,
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self { status: cause.status(), cause }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.cause.text())
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident $status:literal $text:literal)*) => {
        /// One per distinct fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// Every cause, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The fault in words for a person.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The status that a request with this fault is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

causes! {
    /// More empty lines before a request than are forgiven. RFC 9112 §2.2.
    EmptyLines 400 "too many empty lines before the request"
    /// The method is empty or holds a byte that is no token byte. RFC 9112 §3.1.
    MethodInvalid 400 "the method is not a token"
    /// The method is longer than any method known. RFC 9112 §3.
    MethodTooLong 501 "the method is too long"
    /// CONNECT, whose authority-form target we do not serve. RFC 9112 §3.2.3.
    MethodUnsupported 501 "CONNECT is not supported"
    /// A byte in the target that is not visible ASCII, or no target. RFC 9112 §3.2.
    TargetByte 400 "the request target is empty or holds a byte that is not allowed"
    /// `#` in the target. RFC 9110 §4.2.5.
    TargetFragment 400 "the request target holds a fragment"
    /// The target exceeds `Limits::target_bytes`. RFC 9112 §3.
    TargetTooLong 414 "the request target is too long"
    /// Neither a path, nor an http(s) URI, nor `*` with OPTIONS. RFC 9112 §3.2.
    TargetForm 400 "the request target is neither a path nor an http URI"
    /// The authority of an absolute target is not `host[:port]`. RFC 9110 §4.2.
    TargetAuthority 400 "the authority of the request target is not valid"
    /// The request line does not end in `HTTP/` digit `.` digit. RFC 9112 §2.3.
    VersionMalformed 400 "the protocol version is malformed"
    /// A version other than 1.0 and 1.1. RFC 9110 §15.6.6.
    VersionUnsupported 505 "the protocol version is not supported"
    /// The status line is malformed. RFC 9112 §4.
    StatusLine 502 "the status line is malformed"
    /// The status code is not in 100–599. RFC 9110 §15.
    StatusCode 502 "the status code is out of range"
    /// A control byte in the reason phrase. RFC 9112 §4.
    ReasonByte 502 "the reason phrase holds a control byte"
    /// The head exceeds `Limits::header_bytes`. RFC 6585 §5.
    HeadTooLarge 431 "the head is too large"
    /// More fields than `Limits::headers`. RFC 6585 §5.
    TooManyFields 431 "too many header fields"
    /// A field name exceeds `Limits::name_bytes`. RFC 6585 §5.
    NameTooLong 431 "a field name is too long"
    /// A field line without a name, or with a byte in it that is no token byte. RFC 9110 §5.1.
    NameInvalid 400 "a field name is not a token"
    /// Whitespace between name and colon. RFC 9112 §5.1.
    SpaceBeforeColon 400 "whitespace before the colon of a field"
    /// A field line without a colon. RFC 9112 §5.
    ColonMissing 400 "a field line has no colon"
    /// A control byte in a field value. RFC 9110 §5.5.
    ValueByte 400 "a field value holds a control byte"
    /// CR that is not followed by LF. RFC 9112 §2.2.
    BareCr 400 "a carriage return without a line feed"
    /// LF that does not follow CR. RFC 9112 §2.2 permits it; we do not, since others disagree about it.
    BareLf 400 "a line feed without a carriage return"
    /// A line that begins with whitespace. RFC 9112 §2.2, §5.2.
    Folded 400 "a folded header line"
    /// HTTP/1.1 without Host, or with an empty one. RFC 9112 §3.2.
    HostMissing 400 "Host is missing"
    /// More than one Host. RFC 9112 §3.2.
    HostRepeated 400 "Host is repeated"
    /// Host is not `host[:port]`. RFC 9110 §7.2.
    HostInvalid 400 "Host is not valid"
    /// Content-Length is not digits only. RFC 9110 §8.6.
    LengthInvalid 400 "Content-Length is not a number"
    /// Content-Length does not fit in 64 bits. RFC 9110 §8.6.
    LengthOverflow 400 "Content-Length is too large"
    /// More than one Content-Length, equal or not. RFC 9110 §8.6.
    LengthRepeated 400 "Content-Length is repeated"
    /// Content-Length beside Transfer-Encoding. RFC 9112 §6.1.
    LengthAndCoding 400 "both Content-Length and Transfer-Encoding"
    /// More than one Transfer-Encoding, or `chunked` twice. RFC 9112 §6.1.
    CodingRepeated 400 "Transfer-Encoding is repeated"
    /// A transfer coding beside `chunked`. RFC 9112 §6.1.
    CodingUnsupported 501 "a transfer coding other than chunked"
    /// `chunked` is not the last coding, or the value is malformed. RFC 9112 §6.3.
    CodingInvalid 400 "Transfer-Encoding does not end in chunked"
    /// Transfer-Encoding in HTTP/1.0. RFC 9112 §6.1.
    CodingVersion 400 "Transfer-Encoding in HTTP/1.0"
    /// Connection names more fields than are looked for. RFC 9110 §7.6.1.
    ConnectionOptions 400 "Connection names too many fields"
    /// 101 that nobody asked for. RFC 9110 §15.2.2.
    SwitchUnasked 502 "101 without a request to switch"
    /// 101 without `Connection: upgrade` and Upgrade. RFC 9110 §7.8.
    SwitchIncomplete 502 "101 does not say what it switches to"
    /// A chunk without size. RFC 9112 §7.1.
    ChunkSizeMissing 400 "a chunk has no size"
    /// A byte in a chunk size that is no hex digit. RFC 9112 §7.1.
    ChunkSizeByte 400 "a chunk size is not a hexadecimal number"
    /// A chunk size of more than 16 digits. RFC 9112 §7.1.
    ChunkSizeTooLarge 400 "a chunk size is too large"
    /// A control byte in a chunk extension. RFC 9112 §7.1.1.
    ChunkExtensionByte 400 "a chunk extension holds a control byte"
    /// A chunk extension longer than `limits::CHUNK_EXTENSION_BYTES`. RFC 9112 §7.1.1.
    ChunkExtensionTooLong 400 "a chunk extension is too long"
    /// A chunked body whose framing costs more than it carries. RFC 9112 §7.1.1.
    ChunkOverhead 400 "chunk framing costs more than it carries"
    /// A chunk's size line does not end in CRLF. RFC 9112 §7.1.
    ChunkLineEnd 400 "a chunk size line does not end in CRLF"
    /// A chunk's data is not followed by CRLF. RFC 9112 §7.1.
    ChunkDataEnd 400 "chunk data does not end in CRLF"
    /// The trailer section exceeds `limits::TRAILER_BYTES`. RFC 9112 §7.1.2.
    TrailersTooLarge 431 "the trailer section is too large"
    /// More trailer fields than `limits::TRAILER_FIELDS`. RFC 9112 §7.1.2.
    TooManyTrailers 431 "too many trailer fields"
    /// The peer closed before the body ended. RFC 9112 §8.
    Truncated 400 "the body ended early"
    /// A pseudo-header field that no RFC defines. RFC 9113 §8.3.
    PseudoUnknown 400 "an unknown pseudo-header field"
    /// A pseudo-header field in a message that may not have it. RFC 9113 §8.3, RFC 8441 §4.
    PseudoUnexpected 400 "a pseudo-header field where it may not be"
    /// A pseudo-header field after a regular one. RFC 9113 §8.3.
    PseudoOrder 400 "a pseudo-header field after a regular field"
    /// More than one pseudo-header field of a name. RFC 9113 §8.3.
    PseudoRepeated 400 "a pseudo-header field is repeated"
    /// A pseudo-header field that the message must have. RFC 9113 §8.3.1, §8.3.2.
    PseudoMissing 400 "a pseudo-header field is missing"
    /// `:scheme` is neither `http` nor `https`. RFC 9113 §8.3.1.
    SchemeUnsupported 400 "the scheme is neither http nor https"
    /// Host names another authority than `:authority`. RFC 9113 §8.3.1.
    HostDiffers 400 "Host differs from the authority"
    /// An upper-case letter in a field name of HTTP/2. RFC 9113 §8.2.1.
    NameUppercase 400 "a field name holds an upper-case letter"
    /// Whitespace at either end of a field value of HTTP/2. RFC 9113 §8.2.1.
    ValueSpace 400 "a field value begins or ends with whitespace"
    /// Connection, Transfer-Encoding and their like in HTTP/2. RFC 9113 §8.2.2.
    ConnectionField 400 "a field about the connection, in HTTP/2"
    /// TE with another value than `trailers`, in HTTP/2. RFC 9113 §8.2.2.
    TeUnsupported 400 "TE asks for more than trailers, in HTTP/2"
    /// Content-Length is not the number of bytes that came. RFC 9113 §8.1.1.
    LengthContradicted 400 "Content-Length contradicts the body"
    /// The stream ended with an informational response. RFC 9113 §8.1.
    InformationalEnd 502 "the response ended before its final head"
}
