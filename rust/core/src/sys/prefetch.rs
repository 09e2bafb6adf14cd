//! Asking for memory before it is needed (PREFETCH of x86-64; nothing elsewhere).

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Bytes that the processor fetches at once.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Have a value fetched into the cache while other work goes on. It costs an instruction per line, and changes nothing.
#[inline(always)]
pub fn prefetch<T>(value: Option<&T>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = value {
        for offset in (0..size_of::<T>()).step_by(LINE) {
            let line = std::ptr::from_ref(value).cast::<i8>().wrapping_add(offset);
            // SAFETY: PREFETCH belongs to every x86-64 processor, and faults for no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
