//! When requests are due. No clock here: `now` comes in, in nanoseconds since the thread's start.
//!
//! Theory: a closed loop sends when an answer has ended, so that a slow server is asked less often and its pauses are
//! seen once. An open loop has a schedule that does not care: request k is due at phase + k × interval, and its
//! latency counts from there. A pause of the server then shows in every request that was due during it, which is what
//! its users would have felt ("coordinated omission" is the name for leaving that out).

use crate::plan::Plan;
use std::time::Duration;

/// The schedule of one thread.
#[derive(Debug)]
pub enum Pace {
    /// As fast as answers come.
    Closed {
        /// Counted requests still to send; without it time alone ends the run.
        left: Option<u64>,
        /// Requests before this time are not taken from `left`.
        warm: u64,
        /// End of the run.
        until: u64,
    },
    /// At fixed times.
    Open {
        /// Nanoseconds between two requests of this thread.
        interval: f64,
        /// Time of the first one; the threads' schedules interleave.
        phase: f64,
        /// Requests of the whole run, warm-up included.
        planned: u64,
        /// Requests handed out.
        issued: u64,
        /// Time after which what is missing is given up.
        until: u64,
    },
}

impl Pace {
    /// The share of thread `index` in the plan.
    pub fn new(plan: &Plan, index: usize) -> Self {
        let threads = plan.threads as u64;
        let warm = nanoseconds(plan.warmup);
        let end = nanoseconds(plan.warmup + plan.duration);
        let share = |n: u64| n / threads + u64::from((index as u64) < n % threads);
        match plan.rate {
            None => {
                let until = if plan.requests.is_some() { u64::MAX } else { end };
                Self::Closed { left: plan.requests.map(share), warm, until }
            }
            Some(rate) => {
                let measured = plan.requests.unwrap_or((rate * plan.duration.as_secs_f64()) as u64);
                let planned = share(measured + (rate * plan.warmup.as_secs_f64()) as u64);
                let interval = 1e9 * threads as f64 / rate;
                let last = (interval * planned as f64) as u64;
                let until = last.saturating_add(nanoseconds(plan.timeout));
                Self::Open { interval, phase: 1e9 * index as f64 / rate, planned, issued: 0, until }
            }
        }
    }

    /// Takes the next request if one is due, and says from when its latency counts.
    pub fn next(&mut self, now: u64) -> Option<u64> {
        match self {
            Self::Closed { until, .. } if now >= *until => None,
            Self::Closed { left: Some(left), warm, .. } if now >= *warm => {
                *left = left.checked_sub(1)?;
                Some(now)
            }
            Self::Closed { .. } => Some(now),
            Self::Open { issued, .. } => {
                let due = *issued;
                let time = self.due(due).filter(|&time| time <= now)?;
                if let Self::Open { issued, .. } = self {
                    *issued = due + 1;
                }
                Some(time)
            }
        }
    }

    /// Nanoseconds until a request becomes due by itself.
    pub fn wait(&self, now: u64) -> Option<u64> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { issued, .. } => self.due(*issued).map(|time| time.saturating_sub(now)),
        }
    }

    /// Whether the run has ended, with `in_flight` requests unanswered.
    pub fn over(&self, now: u64, in_flight: usize) -> bool {
        match self {
            Self::Closed { left, until, .. } => now >= *until || (*left == Some(0) && in_flight == 0),
            Self::Open { planned, issued, until, .. } => {
                now >= *until || (issued == planned && in_flight == 0)
            }
        }
    }

    /// Requests that the schedule had until `now` and nobody has sent.
    pub fn overdue(&self, now: u64) -> u64 {
        match self {
            Self::Closed { .. } => 0,
            Self::Open { interval, phase, planned, issued, .. } => {
                let due = ((now as f64 - phase) / interval).max(0.0) as u64;
                due.min(*planned).saturating_sub(*issued)
            }
        }
    }

    /// Whether latencies count from a schedule.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn due(&self, request: u64) -> Option<u64> {
        match self {
            Self::Open { interval, phase, planned, .. } if request < *planned => {
                Some((phase + request as f64 * interval) as u64)
            }
            _ => None,
        }
    }
}

/// A duration as the clock counts.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Pace;

    fn open(planned: u64) -> Pace {
        Pace::Open { interval: 100.0, phase: 50.0, planned, issued: 0, until: 10_000 }
    }

    #[test]
    fn an_open_loop_keeps_its_schedule_whatever_happened_before() {
        let mut pace = open(4);
        assert_eq!((pace.next(49), pace.wait(0)), (None, Some(50)));
        assert_eq!(pace.next(50), Some(50));
        assert_eq!(pace.wait(100), Some(50));
        // a pause: three are due, each from its own time
        assert_eq!((pace.next(900), pace.next(900), pace.next(900)), (Some(150), Some(250), Some(350)));
        assert_eq!((pace.next(900), pace.wait(900)), (None, None));
    }

    #[test]
    fn an_open_loop_ends_with_its_last_answer_or_gives_up_and_says_how_many() {
        let mut pace = open(2);
        let _ = pace.next(50);
        assert!(!pace.over(60, 0), "one is not sent yet");
        assert_eq!((pace.overdue(100), pace.overdue(250)), (0, 1));
        let _ = pace.next(150);
        assert!(!pace.over(150, 1) && pace.over(150, 0) && pace.over(10_000, 1));
    }

    #[test]
    fn a_closed_loop_counts_only_after_its_warm_up() {
        let mut pace = Pace::Closed { left: Some(1), warm: 100, until: u64::MAX };
        assert_eq!((pace.next(10), pace.next(20)), (Some(10), Some(20)));
        assert_eq!((pace.next(100), pace.next(101)), (Some(100), None));
        assert!(!pace.over(101, 1) && pace.over(101, 0));
    }

    #[test]
    fn a_closed_loop_ends_in_time() {
        let mut pace = Pace::Closed { left: None, warm: 0, until: 1_000 };
        assert_eq!((pace.next(999), pace.next(1_000)), (Some(999), None));
        assert!(!pace.over(999, 0) && pace.over(1_000, 7));
    }
}
