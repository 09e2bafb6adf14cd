//! What a peer did wrong: a closed set, one word per fault, each with the error code that answers it.

use std::sync::LazyLock;

use super::code::Code;

/// How far a fault reaches. RFC 9113 §5.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection cannot go on: GOAWAY.
    Connection(Cause),
    /// One stream cannot: RST_STREAM.
    Stream(Cause),
}

impl Fault {
    /// What went wrong.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::Connection(cause) | Self::Stream(cause) => cause,
        }
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident $code:ident $text:literal)*) => {
        /// One per distinct fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// Every cause, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The error code that answers it.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }

            /// The fault in words for a person.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

/// The names of all causes as words of a log: `ResetFlood` is `reset_flood`.
static WORDS: LazyLock<Vec<String>> =
    LazyLock::new(|| Cause::NAMES.iter().map(|name| snake_case(name)).collect());

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

impl Cause {
    /// The peer is not wrong but costs too much.
    #[must_use]
    pub fn is_abuse(self) -> bool {
        self.code() == Code::ENHANCE_YOUR_CALM
    }

    /// The word used in events and as a metric label.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS.get(self as usize).map_or("", String::as_str)
    }
}

causes! {
    /// The client's first bytes are not the preface. RFC 9113 §3.4.
    Preface PROTOCOL_ERROR "the connection preface is not HTTP/2's"
    /// The first frame is not SETTINGS. RFC 9113 §3.4.
    SettingsFirst PROTOCOL_ERROR "the first frame is not SETTINGS"
    /// Longer than SETTINGS_MAX_FRAME_SIZE allows. RFC 9113 §4.2.
    FrameTooLarge FRAME_SIZE_ERROR "a frame exceeds the maximum frame size"
    /// Of a length that its type cannot have. RFC 9113 §4.2.
    FrameSize FRAME_SIZE_ERROR "a frame has a length that its type cannot have"
    /// A frame about a stream that names stream 0. RFC 9113 §6.
    StreamMissing PROTOCOL_ERROR "a frame about a stream names stream 0"
    /// A frame about the connection that names a stream. RFC 9113 §6.
    StreamNamed PROTOCOL_ERROR "a frame about the connection names a stream"
    /// As much padding as payload, or more. RFC 9113 §6.1.
    Padding PROTOCOL_ERROR "padding leaves no room for the payload it pads"
    /// A stream that depends on itself. RFC 7540 §5.3.1.
    DependsOnItself PROTOCOL_ERROR "a stream depends on itself"
    /// A setting's value is out of its range. RFC 9113 §6.5.2.
    SettingValue PROTOCOL_ERROR "a setting is out of range"
    /// SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1. RFC 9113 §6.5.2.
    SettingWindow FLOW_CONTROL_ERROR "the initial window size is out of range"
    /// A window increment of zero. RFC 9113 §6.9.
    IncrementZero PROTOCOL_ERROR "a window is to grow by nothing"
    /// A window beyond 2^31-1. RFC 9113 §6.9.1.
    WindowOverflow FLOW_CONTROL_ERROR "a window exceeds 2^31-1"
    /// More data than the window allows. RFC 9113 §6.9.
    WindowExceeded FLOW_CONTROL_ERROR "more data than the window allows"
    /// PUSH_PROMISE, which is switched off by SETTINGS_ENABLE_PUSH. RFC 9113 §6.6.
    Push PROTOCOL_ERROR "a push that was not allowed"
    /// Another frame inside a field block. RFC 9113 §6.10.
    BlockInterrupted PROTOCOL_ERROR "a frame inside a field block"
    /// CONTINUATION without a field block to continue. RFC 9113 §6.10.
    NothingToContinue PROTOCOL_ERROR "CONTINUATION without a field block"
    /// Field compression that cannot be decoded. RFC 9113 §4.3.
    Compression COMPRESSION_ERROR "a field block cannot be decompressed"
    /// A frame for a stream that was never opened. RFC 9113 §5.1.
    StreamIdle PROTOCOL_ERROR "a frame for a stream that is idle"
    /// A frame for a stream that its sender had ended. RFC 9113 §5.1.
    StreamClosed STREAM_CLOSED "a frame for a stream that is closed"
    /// An identifier of the wrong parity, or not above the last one. RFC 9113 §5.1.1.
    StreamId PROTOCOL_ERROR "a stream identifier that may not be opened"
    /// More streams than SETTINGS_MAX_CONCURRENT_STREAMS. RFC 9113 §5.1.2.
    TooManyStreams REFUSED_STREAM "more streams than allowed"
    /// A stream opened after GOAWAY. RFC 9113 §6.8.
    GoingAway REFUSED_STREAM "a stream after the end was announced"
    /// DATA before a head. RFC 9113 §8.1.
    DataBeforeHead PROTOCOL_ERROR "data before the head"
    /// A second field block that does not end the stream. RFC 9113 §8.1.
    TrailersOpen PROTOCOL_ERROR "trailers that do not end the stream"
    /// More informational responses than `limits::INFORMATIONAL`.
    InformationalFlood ENHANCE_YOUR_CALM "too many informational responses"
    /// Content-Length and the bytes of DATA differ. RFC 9113 §8.1.1.
    LengthContradicted PROTOCOL_ERROR "the body contradicts Content-Length"
    /// The head is larger than allowed.
    HeadTooLarge ENHANCE_YOUR_CALM "a field block exceeds the limit"
    /// More CONTINUATION frames than `limits::CONTINUATIONS`. CERT VU#421644.
    ContinuationFlood ENHANCE_YOUR_CALM "too many CONTINUATION frames"
    /// Past the budget of RST_STREAM. CVE-2023-44487.
    ResetFlood ENHANCE_YOUR_CALM "too many streams reset by the peer"
    /// Past the budget of resets that the peer provoked. CVE-2025-8671.
    ProvokedFlood ENHANCE_YOUR_CALM "too many streams that had to be reset"
    /// Past the budget of PING. CVE-2019-9512.
    PingFlood ENHANCE_YOUR_CALM "too many PING frames"
    /// Past the budget of frames that reach stream 0. CVE-2019-9515.
    SettingsFlood ENHANCE_YOUR_CALM "too many SETTINGS, GOAWAY or acknowledgements"
    /// Past the budget of empty frames. CVE-2019-9518, CVE-2019-9516.
    EmptyFlood ENHANCE_YOUR_CALM "too many empty frames"
    /// Past the budget of WINDOW_UPDATE. CVE-2019-9511.
    WindowFlood ENHANCE_YOUR_CALM "too many WINDOW_UPDATE frames"
    /// Past the budget of PRIORITY and PRIORITY_UPDATE. CVE-2019-9513.
    PriorityFlood ENHANCE_YOUR_CALM "too many priority frames"
    /// PRIORITY_UPDATE from a server. RFC 9218 §7.1.
    PriorityUnasked PROTOCOL_ERROR "a server that sends PRIORITY_UPDATE"
    /// Past the budget of unknown frames. RFC 9113 §10.5.
    UnknownFlood ENHANCE_YOUR_CALM "too many frames of unknown type"
    /// Past the budget of frames for streams that were reset. RFC 9113 §5.1.
    ClosedFlood ENHANCE_YOUR_CALM "too many frames for streams that were reset"
    /// Past the budget of changes to the compression table. RFC 9113 §10.5.1.
    CompressionFlood ENHANCE_YOUR_CALM "too much churn in the compression table"
    /// The peer provokes answers and does not read them. CVE-2019-9517.
    UnreadAnswers ENHANCE_YOUR_CALM "too many answers that the peer does not read"
}
