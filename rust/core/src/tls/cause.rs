//! How handshakes end: a closed set, the words of `gateway_tls_handshakes_total`.

use rustls::{AlertDescription, CertificateError, Error};

/// How a handshake, or the connection after it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// It ended well, with everything done anew.
    Full,
    /// It ended well, by a ticket.
    Resumed,
    /// It was not over in time.
    Timeout,
    /// The peer left before it was over.
    Gone,
    /// What came is not TLS, or breaks its rules.
    Malformed,
    /// No version, cipher, group or signature in common.
    Incompatible,
    /// No protocol in common (ALPN, RFC 7301).
    Protocol,
    /// The peer should have shown a certificate.
    NoCertificate,
    /// The peer's certificate is not from a CA that is trusted here.
    UnknownIssuer,
    /// The peer's certificate is not for the name that was asked for.
    WrongName,
    /// The peer's certificate is expired or not yet valid.
    Expired,
    /// The peer's certificate is not acceptable for another reason.
    BadCertificate,
    /// The peer refused our certificate.
    Refused,
    /// The peer gave up, and said so.
    Alert,
    /// A fault of our own.
    Internal,
}

/// All of them, in the order of their numbers.
pub const CAUSES: [Cause; 15] = [
    Cause::Full,
    Cause::Resumed,
    Cause::Timeout,
    Cause::Gone,
    Cause::Malformed,
    Cause::Incompatible,
    Cause::Protocol,
    Cause::NoCertificate,
    Cause::UnknownIssuer,
    Cause::WrongName,
    Cause::Expired,
    Cause::BadCertificate,
    Cause::Refused,
    Cause::Alert,
    Cause::Internal,
];

impl Cause {
    /// The word used as a metric label.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().0
    }

    /// What a person is told of an upstream that failed so.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().1
    }

    /// Whether the peer's certificate is what was wrong (RFC 9209 §2.3.10).
    #[must_use]
    pub fn is_certificate(self) -> bool {
        matches!(
            self,
            Self::NoCertificate
                | Self::UnknownIssuer
                | Self::WrongName
                | Self::Expired
                | Self::BadCertificate
        )
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Full => ("full", "the handshake ended well"),
            Self::Resumed => ("resumed", "the session was resumed"),
            Self::Timeout => ("timeout", "the handshake was not over in time"),
            Self::Gone => ("gone", "the peer left during the handshake"),
            Self::Malformed => ("malformed", "what came is not valid TLS"),
            Self::Incompatible => ("incompatible", "no version, cipher or signature in common"),
            Self::Protocol => ("protocol", "no application protocol in common"),
            Self::NoCertificate => ("no_certificate", "no certificate was shown"),
            Self::UnknownIssuer => ("unknown_issuer", "the certificate is not from a trusted CA"),
            Self::WrongName => ("wrong_name", "the certificate is for another name"),
            Self::Expired => ("expired", "the certificate is not valid at this time"),
            Self::BadCertificate => ("bad_certificate", "the certificate is not acceptable"),
            Self::Refused => ("refused", "the peer did not accept our certificate"),
            Self::Alert => ("alert", "the peer gave up the handshake"),
            Self::Internal => ("internal", "a fault of the gateway"),
        }
    }
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        use AlertDescription as Alert;
        match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::PeerIncompatible(_) => Self::Incompatible,
            Error::NoApplicationProtocol => Self::Protocol,
            Error::AlertReceived(
                Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => Self::Refused,
            Error::AlertReceived(Alert::NoApplicationProtocol) => Self::Protocol,
            Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure) => Self::Incompatible,
            Error::AlertReceived(_) => Self::Alert,
            Error::General(_)
            | Error::Other(_)
            | Error::FailedToGetCurrentTime
            | Error::FailedToGetRandomBytes
            | Error::EncryptError => Self::Internal,
            _ => Self::Malformed,
        }
    }
}

fn certificate(error: &CertificateError) -> Cause {
    match error {
        CertificateError::UnknownIssuer => Cause::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Cause::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Cause::Expired,
        _ => Cause::BadCertificate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_order_of_all_and_words_are_distinct() {
        for (number, cause) in CAUSES.iter().enumerate() {
            assert_eq!(*cause as usize, number);
            assert!(CAUSES.iter().filter(|other| other.word() == cause.word()).count() == 1);
        }
    }
}
