//! What a session is: Arrow arrays in, arrays out.
//!
//! ```text
//! RecordBatch --gate--> Tracks --duplicates--> kept rows --identity--> visitors
//!                       (rejects)  (dropped)                              |
//!      arrays <--columns-- Sessions <--sessionize-- SortedTracks <--order-+
//! ```
//!
//! Nothing here knows files, network, clock, environment or logging; a test of the workspace proves it.

mod alike;
pub mod blocks;
mod canonical;
pub mod carried;
mod columns;
pub mod decimal;
pub mod derived;
mod deriver;
pub mod duplicates;
pub mod event_id;
pub mod event_name;
pub mod event_type;
mod evidence;
pub mod from_row;
pub mod gate;
pub mod identity;
pub mod ignored_ids;
pub mod increment;
pub mod intern;
pub mod number_id;
#[doc(hidden)]
pub mod oracle;
pub mod order;
mod partitions;
pub mod past;
pub mod registry;
pub mod reject;
pub mod rules;
pub mod secret_hash;
mod session;
pub mod session_columns;
pub mod sessionize;
pub mod subject;
pub mod table;
pub mod tables;
pub mod time;
mod timeline;
pub mod tracks;
