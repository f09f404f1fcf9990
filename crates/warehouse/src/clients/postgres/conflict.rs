//! What servers say when a transaction lost against another.

/// Whether a statement failed because another transaction came before it. `table` is the one that the server names.
///
/// Redshift reports a violation of serializable isolation as its error 1023, under a code for errors of its own; by
/// PostgreSQL's standards that would be 40001, which it knows too.
pub(super) fn is_conflict(code: &str, message: &str, table: Option<&str>) -> bool {
    match code {
        // Serialization failures and deadlocks.
        "40001" | "40P01" => true,
        // Two runs with one number.
        "23505" => table.is_none_or(|table| table == crate::sql::runs::RUNS),
        "XX000" => {
            let lower = message.to_lowercase();
            lower.starts_with("1023") || lower.contains("serializable isolation violation")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_conflict;

    #[test]
    fn redshifts_violations_of_isolation_are_conflicts() {
        let documented = "1023; Serializable isolation violation on table - 100192, transactions forming the cycle are: \
                          4311, 4310 (pid:19217)";
        assert!(is_conflict("XX000", documented, None));
        assert!(is_conflict("40001", documented, None));
        assert!(!is_conflict("XX000", "1018; Relation does not exist.", None));
    }

    #[test]
    fn a_number_that_is_taken_is_a_conflict_of_runs_alone() {
        let message = "duplicate key value violates unique constraint";
        assert!(is_conflict("23505", message, Some("tracklet_runs")));
        assert!(!is_conflict("23505", message, Some("orders")));
        assert!(is_conflict("40P01", "deadlock detected", None));
        assert!(!is_conflict("42601", "syntax error", None));
    }
}
