//! How many descriptors this process may have (getrlimit(2)).

/// The soft limit of open descriptors; a large number if the kernel does not say.
#[must_use]
pub fn descriptors() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one writable rlimit.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if answer == 0 { limit.rlim_cur } else { u64::from(u32::MAX) }
}
