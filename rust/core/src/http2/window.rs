//! Flow-control windows. RFC 9113 §5.2, §6.9.
//!
//! Theory: what we may send can become negative, when the peer makes its windows smaller (§6.9.2). What the peer may send
//! is given back in steps of half a window, once it has been consumed: so one WINDOW_UPDATE stands for many frames, and a
//! peer whose data nobody takes stops.

use super::cause::Cause;
use super::frame::settings::LARGEST_WINDOW;

/// What we may send, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendWindow(i32);

impl SendWindow {
    pub(super) const fn new(size: u32) -> Self {
        Self(if size > LARGEST_WINDOW { i32::MAX } else { size as i32 })
    }

    /// Bytes that may be sent now.
    #[inline]
    pub(super) const fn room(self) -> usize {
        if self.0 > 0 { self.0 as usize } else { 0 }
    }

    /// So many bytes, at most [`room`](Self::room), have been sent.
    #[inline]
    pub(super) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(i32::try_from(bytes).unwrap_or(i32::MAX));
    }

    /// WINDOW_UPDATE, or another SETTINGS_INITIAL_WINDOW_SIZE.
    #[inline]
    pub(super) fn change(&mut self, by: i64) -> Result<(), Cause> {
        let sum = i64::from(self.0).saturating_add(by);
        self.0 = i32::try_from(sum).map_err(|_| Cause::WindowOverflow)?;
        Ok(())
    }
}

/// What the peer may send, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiveWindow {
    /// What it may still send.
    left: i32,
    /// Consumed, and not given back yet.
    credit: u32,
    /// What it has when nothing is under way.
    size: u32,
}

impl ReceiveWindow {
    pub(super) const fn new(size: u32) -> Self {
        let size = if size > LARGEST_WINDOW { LARGEST_WINDOW } else { size };
        Self { left: size as i32, credit: 0, size }
    }

    /// Data came.
    #[inline]
    pub(super) fn take(&mut self, bytes: u32) -> Result<(), Cause> {
        let left = i64::from(self.left) - i64::from(bytes);
        if left < 0 {
            return Err(Cause::WindowExceeded);
        }
        self.left = left as i32;
        Ok(())
    }

    /// Data was consumed. Returns how much to give back now, if it is worth a frame.
    #[inline]
    pub(super) fn consumed(&mut self, bytes: u32) -> Option<u32> {
        self.credit = self.credit.saturating_add(bytes);
        if self.credit == 0 || self.credit < self.size / 2 {
            return None;
        }
        let credit = std::mem::take(&mut self.credit);
        self.left = self.left.saturating_add_unsigned(credit);
        Some(credit)
    }

    /// Another size, which the peer has acknowledged.
    pub(super) fn resize(&mut self, size: u32) {
        let by = i64::from(size.min(LARGEST_WINDOW)) - i64::from(self.size);
        self.left = (i64::from(self.left) + by).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        self.size = size.min(LARGEST_WINDOW);
    }

    /// What the peer has or will be given without anything further being consumed.
    pub(super) const fn sum(self) -> i64 {
        self.left as i64 + self.credit as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_window_may_become_negative_and_never_too_large() {
        let mut window = SendWindow::new(65_535);
        window.spend(60_000);
        window.change(-65_535).unwrap();
        assert_eq!((window, window.room()), (SendWindow(-60_000), 0));
        window.change(60_001).unwrap();
        assert_eq!(window.room(), 1);
        assert_eq!(window.change(i64::from(LARGEST_WINDOW)), Err(Cause::WindowOverflow));
    }

    #[test]
    fn credit_is_given_back_in_halves_and_none_is_lost() {
        let mut window = ReceiveWindow::new(100);
        window.take(100).unwrap();
        assert_eq!(window.take(1), Err(Cause::WindowExceeded));
        assert_eq!(window.consumed(49), None);
        assert_eq!(window.consumed(1), Some(50));
        assert_eq!(window.consumed(50), Some(50));
        assert_eq!(window.sum(), 100);
        assert_eq!(ReceiveWindow::new(0).consumed(0), None, "an increment of zero is an error");
    }
}
