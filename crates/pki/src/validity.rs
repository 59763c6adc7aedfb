//! From when until when a certificate can be used.

use std::time::Duration;

use mqttwb_model::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// From when until when a certificate can be used; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub not_before: Timestamp,
    /// Its last moment.
    pub not_after: Timestamp,
}

impl Validity {
    /// How far a new certificate reaches back.
    ///
    /// A device that verifies the broker's certificate does so by its own clock. The usual fault of such a clock is not
    /// drift but local time taken for UTC, up to 14 hours off; a day covers that. Reaching back costs nothing: nobody
    /// had the key then.
    pub const BACKDATED: Duration = DAY;

    /// For `days` days from `now` on, and [`BACKDATED`](Self::BACKDATED).
    pub fn days_from(now: Timestamp, days: u32) -> Self {
        Self {
            not_before: Timestamp(now.0.saturating_sub(nanos(Self::BACKDATED))),
            not_after: now.plus(DAY.saturating_mul(days)),
        }
    }

    /// The part of this that is also in `outer`.
    ///
    /// A certificate is of no use outside the life of the authority that signed it, so it does not claim to be.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        Self {
            not_before: self.not_before.max(outer.not_before),
            not_after: self.not_after.min(outer.not_after),
        }
    }

    /// Whether `now` is in it.
    pub fn contains(self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
