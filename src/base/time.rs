//! Time stamps: parsing them from bytes and printing them.
//!
//! Every parser works on bytes, never panics, and truncates (never rounds) what is finer than a microsecond. A parser that
//! meets a local time without a zone returns it as if it were UTC together with [`Zone::None`]; the caller shifts it.

mod calendar;
mod fixed;
mod forms;
mod order;
mod scan;

pub use calendar::{date, day_string, format_rfc3339, from_civil};
pub use forms::{
    apache, bind, ctime, day_and_clock, epoch, filetime, rfc3164, rfc3164_prefix, rfc3339, rfc3339_prefix, us_datetime,
};
pub use order::{DateOrder, DateOrderVote};

/// A moment in microseconds since 1970-01-01T00:00:00Z.
pub type Ts = i64;

/// Microseconds in one second.
pub const SECOND: Ts = 1_000_000;
/// Microseconds in one day.
pub const DAY: Ts = 86_400 * SECOND;

/// What the text itself said about its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// `Z`, `UTC`, `GMT`, or a form that is UTC by definition.
    Utc,
    /// An explicit offset, in seconds east of UTC; the time stamp beside it has been converted to UTC.
    Offset(i32),
    /// Nothing: the time stamp beside it is the local reading taken as UTC.
    None,
}

impl Zone {
    /// The quality a time stamp with this zone has; without a zone it is an assumption.
    pub fn quality(self) -> TimeQuality {
        match self {
            Self::Utc => TimeQuality::Utc,
            Self::Offset(_) => TimeQuality::Offset,
            Self::None => TimeQuality::Assumed,
        }
    }
}

/// How far a stored time stamp can be trusted: the `time_quality` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeQuality {
    /// `Z`, an epoch number, or documented UTC.
    Utc,
    /// An explicit offset stood beside the time.
    Offset,
    /// The zone was learnt from the host's other events.
    HostOffset,
    /// The zone was set by an option, or assumed to be UTC.
    Assumed,
    /// The year was missing and has been inferred.
    YearInferred,
    /// The record has no time; the file's own time stands in.
    None,
}

impl TimeQuality {
    /// The value stored in the lake.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Offset => "offset",
            Self::HostOffset => "host_offset",
            Self::Assumed => "assumed",
            Self::YearInferred => "year_inferred",
            Self::None => "none",
        }
    }
}
