//! What the report and `tune` have in common: which sessions are looked at, in which time zone, and the gaps
//! between events.

mod gaps;
mod quantiles;
mod selection;
mod windowed;
mod zone;

pub use gaps::{CurvePoint, Gaps, MOST_MINUTES};
pub use quantiles::{Distribution, Quantile};
pub use selection::{Choice, ChoiceError, Selection};
pub use zone::{UnknownZone, Zone};

pub(crate) use windowed::windowed;
