//! Why an exchange ended as it did: a closed set, the same words in the access log, the metrics and `Proxy-Status`.
//!
//! Each reason carries what RFC 9209 §2.3 calls its error type and the status the gateway answers with when it still
//! can. A reason is added here or it does not exist.

use crate::tls::Cause;

/// Why an exchange, or the connection it would have come on, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Nothing went wrong: the upstream's, the rule's or the handler's answer was delivered.
    Ok,
    /// The request is not valid HTTP (RFC 9112).
    RequestInvalid,
    /// A limit on the request head was passed.
    RequestHeadTooLarge,
    /// The path could not be brought into normal form under this listener's policy.
    PathRefused,
    /// The request head did not arrive in time.
    HeaderTimeout,
    /// The request body did not arrive in time.
    BodyTimeout,
    /// No byte moved for the idle limit while a request was open.
    IdleTimeout,
    /// The whole-request deadline passed.
    RequestTimeout,
    /// The upstream did not begin its answer in time.
    PerTryTimeout,
    /// The client closed or reset before the exchange was over.
    ClientGone,
    /// The host is not one that this connection's certificate speaks for (RFC 9110 §15.5.20).
    Misdirected,
    /// No route has this host.
    NoHost,
    /// The host has routes but no rule fits.
    NoRule,
    /// The rule's targets all weigh nothing, or the upstream has no endpoint.
    NoEndpoint,
    /// The endpoint refused the connection.
    ConnectRefused,
    /// The connection could not be made for another reason.
    ConnectFailed,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The endpoint's certificate is missing, not trusted, expired or for another name.
    UpstreamCertificate,
    /// The TLS handshake with the endpoint failed for another reason.
    UpstreamTls,
    /// The upstream closed or reset before the end of its answer's head.
    UpstreamClosed,
    /// The upstream's answer is not valid HTTP.
    UpstreamInvalid,
    /// The upstream's answer ended before its body was whole.
    UpstreamTruncated,
    /// Whoever answers does not switch protocols, and the client can be told only so.
    UpgradeRefused,
    /// A Python handler failed.
    HandlerFailed,
    /// More requests for Python handlers than the bound.
    HandlersBusy,
    /// Descriptors or another bound of this process ran out.
    Overloaded,
    /// A fault of our own, contained.
    Internal,
    /// The gateway is going away and its patience has ended.
    Drained,
}

/// All reasons, in the order of their numbers.
pub const ALL: [Reason; 28] = [
    Reason::Ok,
    Reason::RequestInvalid,
    Reason::RequestHeadTooLarge,
    Reason::PathRefused,
    Reason::HeaderTimeout,
    Reason::BodyTimeout,
    Reason::IdleTimeout,
    Reason::RequestTimeout,
    Reason::PerTryTimeout,
    Reason::ClientGone,
    Reason::Misdirected,
    Reason::NoHost,
    Reason::NoRule,
    Reason::NoEndpoint,
    Reason::ConnectRefused,
    Reason::ConnectFailed,
    Reason::ConnectTimeout,
    Reason::UpstreamCertificate,
    Reason::UpstreamTls,
    Reason::UpstreamClosed,
    Reason::UpstreamInvalid,
    Reason::UpstreamTruncated,
    Reason::UpgradeRefused,
    Reason::HandlerFailed,
    Reason::HandlersBusy,
    Reason::Overloaded,
    Reason::Internal,
    Reason::Drained,
];

impl Reason {
    /// The word used in the access log and as a metric label.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().0
    }

    /// The status that the gateway answers with, if it still can.
    #[must_use]
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// The error type of `Proxy-Status` (RFC 9209 §2.3); empty for `Ok`.
    #[must_use]
    pub fn proxy_error(self) -> &'static str {
        self.row().2
    }

    /// What a person is told.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().3
    }

    /// For a TLS handshake with an upstream that failed.
    #[must_use]
    pub fn of_tls(cause: Cause) -> Self {
        if cause.is_certificate() { Self::UpstreamCertificate } else { Self::UpstreamTls }
    }

    /// (word, status, RFC 9209 error type, text)
    fn row(self) -> (&'static str, u16, &'static str, &'static str) {
        match self {
            Self::Ok => ("ok", 200, "", "nothing went wrong"),
            Self::RequestInvalid => {
                ("request_invalid", 400, "http_request_error", "the request is not valid HTTP")
            }
            Self::RequestHeadTooLarge => {
                ("request_head_too_large", 431, "http_request_error", "the request head is over its limit")
            }
            Self::PathRefused => {
                ("path_refused", 400, "http_request_denied", "the path is not accepted here")
            }
            Self::HeaderTimeout => {
                ("header_timeout", 408, "http_request_error", "the request head did not arrive in time")
            }
            Self::BodyTimeout => {
                ("body_timeout", 408, "http_request_error", "the request body did not arrive in time")
            }
            Self::IdleTimeout => ("idle_timeout", 504, "http_response_timeout", "no byte moved for too long"),
            Self::RequestTimeout => {
                ("request_timeout", 504, "http_response_timeout", "the deadline of the request has passed")
            }
            Self::PerTryTimeout => {
                ("per_try_timeout", 504, "http_response_timeout", "the upstream did not answer in time")
            }
            Self::ClientGone => ("client_gone", 499, "http_request_error", "the client went away"),
            Self::Misdirected => {
                ("misdirected", 421, "http_request_denied", "this connection is for other hosts")
            }
            Self::NoHost => ("no_host", 404, "destination_not_found", "no route has this host"),
            Self::NoRule => ("no_rule", 404, "destination_not_found", "no rule fits this request"),
            Self::NoEndpoint => {
                ("no_endpoint", 503, "destination_unavailable", "the upstream has no endpoint")
            }
            Self::ConnectRefused => {
                ("connect_refused", 502, "connection_refused", "the upstream refused the connection")
            }
            Self::ConnectFailed => {
                ("connect_failed", 502, "destination_ip_unroutable", "the upstream could not be reached")
            }
            Self::ConnectTimeout => {
                ("connect_timeout", 504, "connection_timeout", "the upstream did not accept in time")
            }
            Self::UpstreamCertificate => {
                ("upstream_certificate", 502, "tls_certificate_error", "the upstream did not prove its name")
            }
            Self::UpstreamTls => ("upstream_tls", 502, "tls_protocol_error", "TLS with the upstream failed"),
            Self::UpstreamClosed => {
                ("upstream_closed", 502, "connection_terminated", "the upstream closed before it answered")
            }
            Self::UpstreamInvalid => {
                ("upstream_invalid", 502, "http_protocol_error", "the answer is not valid HTTP")
            }
            Self::UpstreamTruncated => {
                ("upstream_truncated", 502, "http_response_incomplete", "the answer ended too early")
            }
            Self::UpgradeRefused => {
                ("upgrade_refused", 502, "http_upgrade_failed", "the protocol is not switched there")
            }
            Self::HandlerFailed => ("handler_failed", 500, "proxy_internal_error", "the handler failed"),
            Self::HandlersBusy => {
                ("handlers_busy", 503, "connection_limit_reached", "too many requests wait for handlers")
            }
            Self::Overloaded => {
                ("overloaded", 503, "connection_limit_reached", "the gateway is at one of its limits")
            }
            Self::Internal => ("internal", 500, "proxy_internal_error", "a fault of the gateway"),
            Self::Drained => ("drained", 503, "proxy_internal_response", "the gateway is going away"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_order_of_all_and_words_are_distinct() {
        for (number, reason) in ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
            assert!(ALL.iter().filter(|other| other.word() == reason.word()).count() == 1);
        }
    }
}
