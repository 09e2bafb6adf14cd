//! `HTTP/1.1`, in request lines and status lines. RFC 9112 §2.3.

use super::head::{Cause, Stop, byte};

/// A well-formed version of any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// Bytes that a version takes.
    pub(super) const LEN: usize = 8;

    /// The minor version of 1.0 and 1.1. Higher ones do not exist and never will (RFC 9112 has closed the series), so
    /// whoever sends one is not what it seems.
    #[inline(always)]
    pub(super) const fn minor(self) -> Result<u8, Cause> {
        match (self.major, self.minor) {
            (1, minor @ 0..=1) => Ok(minor),
            _ => Err(Cause::VersionUnsupported),
        }
    }
}

/// Reads the version at `at`.
#[inline(always)]
pub(super) fn version(buf: &[u8], at: usize) -> Result<Version, Stop> {
    match buf.get(at..).and_then(|rest| rest.first_chunk::<{ Version::LEN }>()) {
        Some(b"HTTP/1.1") => Ok(Version { major: 1, minor: 1 }),
        _ => unusual(buf, at),
    }
}

#[cold]
fn unusual(buf: &[u8], at: usize) -> Result<Version, Stop> {
    for (i, want) in b"HTTP/".iter().enumerate() {
        if byte(buf, at + i)? != *want {
            return Err(Cause::VersionMalformed.into());
        }
    }
    let major = digit(buf, at + 5)?;
    if byte(buf, at + 6)? != b'.' {
        return Err(Cause::VersionMalformed.into());
    }
    let minor = digit(buf, at + 7)?;
    Ok(Version { major, minor })
}

fn digit(buf: &[u8], at: usize) -> Result<u8, Stop> {
    match byte(buf, at)? {
        digit @ b'0'..=b'9' => Ok(digit - b'0'),
        _ => Err(Cause::VersionMalformed.into()),
    }
}
