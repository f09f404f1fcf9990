//! How a whole number is distributed over sessions.

use serde::Serialize;

/// How often each value occurs.
#[derive(Debug, Clone, Default)]
pub struct Distribution {
    /// (value, how often), ascending.
    counts: Vec<(i64, u64)>,
    total: u64,
}

/// Values that stand for a distribution. A quantile is the least value that this share of all does not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    /// The value in the middle.
    pub median: i64,
    /// The value that nine of ten do not exceed.
    pub p90: i64,
    /// The greatest value.
    pub greatest: i64,
    /// The mean: sum over count.
    pub mean: f64,
}

impl Distribution {
    /// A distribution of (value, how often it occurs) in any order, each value once.
    pub fn new(mut counts: Vec<(i64, u64)>) -> Self {
        counts.retain(|(_, count)| *count > 0);
        counts.sort_unstable();
        let total = counts.iter().map(|(_, count)| count).sum();
        Self { counts, total }
    }

    /// From the number of things that reach each value of 1, 2, 3...: one has the value 3 when it reaches 3 and not 4.
    pub fn of_reached(reached: &[(i64, u64)]) -> Self {
        let of = |value: i64| reached.iter().find(|(reached, _)| *reached == value).map_or(0, |(_, n)| *n);
        let sorted = reached.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1);
        let next = |place: usize, value: i64| match reached.get(place + 1) {
            Some((_, count)) if sorted => *count,
            None if sorted => 0,
            _ => of(value + 1),
        };
        let exactly = reached
            .iter()
            .enumerate()
            .map(|(place, (value, count))| (*value, count.saturating_sub(next(place, *value))));
        Self::new(exactly.collect())
    }

    /// How many things there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The values that stand for it; `None` for a distribution of nothing.
    pub fn quantiles(&self) -> Option<Quantile> {
        let greatest = self.counts.last()?.0;
        let sum: f64 = self.counts.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
        Some(Quantile { median: self.at(1, 2), p90: self.at(9, 10), greatest, mean: sum / self.total as f64 })
    }

    /// The least value that `part` of `parts` do not exceed.
    fn at(&self, part: u64, parts: u64) -> i64 {
        let wanted = u128::from(self.total) * u128::from(part);
        let mut seen = 0_u128;
        for (value, count) in &self.counts {
            seen += u128::from(*count);
            if seen * u128::from(parts) >= wanted {
                return *value;
            }
        }
        self.counts.last().map_or(0, |(value, _)| *value)
    }

    /// How many have a value from each of `starts` up to the next one; the last goes on for ever. Values before the first
    /// are not counted.
    pub fn bins(&self, starts: &[i64]) -> Vec<u64> {
        let mut bins = vec![0; starts.len()];
        for (value, count) in &self.counts {
            let place = starts.partition_point(|start| start <= value);
            if let Some(place) = place.checked_sub(1) {
                bins[place] += count;
            }
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn a_quantile_is_the_least_value_that_enough_do_not_exceed() {
        let of = |counts: &[(i64, u64)]| Distribution::new(counts.to_vec()).quantiles();
        assert_eq!(of(&[]), None);
        let two = of(&[(7, 1), (1, 1)]).unwrap();
        assert_eq!((two.median, two.p90, two.greatest), (1, 7, 7));
        let ten = of(&[(1, 8), (2, 1), (3, 1)]).unwrap();
        assert_eq!((ten.median, ten.p90), (1, 2));
        assert!((ten.mean - 1.3).abs() < 1e-12);
    }

    #[test]
    fn what_reaches_a_number_becomes_what_has_it() {
        let lengths = Distribution::of_reached(&[(1, 10), (2, 4), (3, 4), (4, 1)]);
        assert_eq!(lengths.total(), 10);
        assert_eq!(lengths.bins(&[1, 2, 3, 4]), [6, 0, 3, 1]);
        assert_eq!(Distribution::of_reached(&[(2, 4), (1, 10)]).bins(&[1, 2]), [6, 4]);
    }

    #[test]
    fn bins_hold_from_their_start_on() {
        let values = Distribution::new(vec![(0, 1), (4, 2), (5, 3), (900, 4)]);
        assert_eq!(values.bins(&[0, 1, 5, 10]), [1, 2, 3, 4]);
        assert_eq!(values.bins(&[1, 5]), [2, 7]);
    }
}
