//! A descriptor that Python opened becomes ours.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Take over a descriptor: whoever gave the number does not use it any more.
///
/// # Errors
/// If there is no such descriptor.
pub fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD looks at the number only.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, as was just seen, and the border's contract (`gateway/_engine.pyi`) gives it away.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
