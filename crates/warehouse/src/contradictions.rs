//! Tables that contradict each other are not published.

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The number of the invariant, as docs/semantics.md has it.
    pub number: u64,
    /// The sentence that does not hold.
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
