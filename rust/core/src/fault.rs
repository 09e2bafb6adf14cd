//! Faults of our own, on demand: named places in the engine that panic when a test has armed them, so that "a panic
//! costs the connection that caused it" is tried at each of them. Without the feature `sim` a place is nothing.

/// Every place, in the order in which a request meets them.
pub const POINTS: &[&str] = &[
    "accept.welcome",
    "handshake.step",
    "begin.read",
    "begin.start",
    "begin.decided",
    "forward.written",
    "forward.counted",
    "lease.leased",
    "lease.connecting",
    "lease.connected",
    "lease.shake",
    "relay.request",
    "relay.answer",
    "respond.informational",
    "respond.head",
    "relay.body",
    "relay.end",
    "tunnel.open",
    "tunnel.pour",
    "lease.settle",
    "finish.conclude",
    "finish.linger",
    "lease.replay",
    "answer.own",
    "asked.ask",
    "asked.hear",
    "asked.body",
    "finish.overdue",
    "session.open",
    "session.frames",
    "session.connect",
    "lease.stream",
    "relay.lost",
    "session.end",
    "preamble.introduce",
    "preamble.hello",
    "passthrough.dial",
    "passthrough.reached",
];

#[cfg(feature = "sim")]
thread_local! {
    static ARMED: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// Panic the next time this place is passed on this thread, once.
#[cfg(feature = "sim")]
pub fn arm(name: Option<&'static str>) {
    ARMED.set(name);
}

/// The place that is still armed.
#[cfg(feature = "sim")]
#[must_use]
pub fn armed() -> Option<&'static str> {
    ARMED.get()
}

/// A place that may be armed.
#[cfg(feature = "sim")]
#[expect(clippy::panic, reason = "what it is for")]
pub(crate) fn point(name: &'static str) {
    if ARMED.get() == Some(name) {
        ARMED.set(None);
        panic!("fault armed at {name}");
    }
}

/// A place that may be armed: not in this build.
#[cfg(not(feature = "sim"))]
#[inline(always)]
pub(crate) fn point(_name: &'static str) {}
