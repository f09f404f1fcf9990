//! Tables that contradict each other are not published.

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Its number among the invariants of docs/semantics.md.
    pub number: u64,
    /// What it says.
    pub says: String,
    /// How many rows, sessions or visitors contradict it.
    pub offenders: u64,
    /// What identifies the first of them.
    pub first: String,
}

impl std::fmt::Display for Contradiction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, says, offenders, first } = self;
        let times = if *offenders == 1 { String::new() } else { format!("{offenders} times, first: ") };
        write!(f, "{number}. {says} ({times}`{first}`)")
    }
}
