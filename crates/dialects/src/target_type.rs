//! What the targets of one type have in common.

use crate::target_keys::TargetKey;

/// A type of target. Each dialect registers its own.
pub struct TargetType {
    /// The type's heading in the reference.
    pub title: &'static str,
    /// The keys of such a target, but for the common ones, in the order of the reference.
    pub keys: &'static [TargetKey],
    /// The keys that such a target can't be without, beside `type`.
    pub needed: &'static [&'static str],
    /// The keys for the schema of the tables, the usual one first: the first that is given counts.
    pub schema: &'static [&'static str],
    /// The keys for the database of the tables, likewise; empty where it is that of the connection.
    pub database: &'static [&'static str],
    /// The feature of the program that has the client.
    pub feature: &'static str,
}
