//! Randomness by subject: every visitor, session and row has its own stream, so the order in which they are
//! visited, and the number of threads, change nothing.
//!
//! `SplitMix64` (Steele, Lea, Flood 2014) written out: a data set must stay the same to the byte across releases,
//! which general libraries of random numbers do not promise, and a stream must cost nothing to open.
//! All draws are of whole numbers, so no platform's mathematics library plays a part.

/// What a stream is for. Two purposes never share numbers.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// A visitor's nature and sessions.
    Visitor = 1,
    /// The events of a session.
    Session = 2,
    /// Upper half of an id's bits.
    IdHigh = 3,
    /// Lower half of an id's bits.
    IdLow = 4,
    /// A device: browser, clock, screen.
    Device = 5,
    /// What one raw line says beside the canonical fields.
    Line = 6,
    /// Where bad lines stand.
    BadLines = 7,
    /// Which calls a session is made of.
    Visit = 8,
    /// Where a session came from.
    Origin = 9,
    /// A page or screen of a session.
    Page = 10,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A one-to-one scrambling of 64 bits.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// 64 bits that depend on the seed, the purpose and the subject alone; distinct for distinct subjects.
pub fn bits(seed: u64, purpose: Purpose, subject: u64) -> u64 {
    mix(mix(mix(seed ^ GOLDEN).wrapping_add(purpose as u64)) ^ mix(subject.wrapping_add(GOLDEN)))
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of one subject.
    pub fn of(seed: u64, purpose: Purpose, subject: u64) -> Self {
        Self(bits(seed, purpose, subject))
    }

    /// 64 fresh bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `limit`, evenly (to within `limit` / 2^64).
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// True in a `share` (0 to 1) of all draws.
    pub fn chance(&mut self, share: f64) -> bool {
        // 53 bits are a double's exact whole numbers; both sides of the comparison are exact.
        ((self.bits() >> 11) as f64) < share * (1_u64 << 53) as f64
    }

    /// One of `choices`, evenly.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A number of at least 1 with this mean, geometric: many small, few large.
    pub fn geometric(&mut self, mean: u64) -> u32 {
        let mut number = 1;
        while self.below(mean) != 0 {
            number += 1;
        }
        number
    }

    /// A number from 0 to under `4 * mean`, leaning to the small: the product of two even ones.
    pub fn skewed(&mut self, mean: u64) -> u64 {
        let bits = self.bits();
        (((mean * (bits & 0xffff)) >> 15) * ((bits >> 16) & 0xffff)) >> 15
    }
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Random, bits};

    #[test]
    fn subjects_of_one_purpose_never_share_bits() {
        let mut seen: Vec<u64> = (0..100_000).map(|subject| bits(7, Purpose::IdHigh, subject)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100_000);
    }

    #[test]
    fn draws_have_the_promised_means() {
        let mut random = Random::of(1, Purpose::Line, 1);
        let draws = 200_000;
        let mean = |sum: u64| sum as f64 / f64::from(draws);
        let geometric = mean((0..draws).map(|_| u64::from(random.geometric(8))).sum());
        let skewed: Vec<u64> = (0..draws).map(|_| random.skewed(1000)).collect();
        let hits = (0..draws).filter(|_| random.chance(0.05)).count();
        assert!((7.9..8.1).contains(&geometric), "{geometric}");
        assert!((990.0..1010.0).contains(&mean(skewed.iter().sum())));
        assert!(skewed.iter().all(|&number| number < 4000));
        assert!((9_500..10_500).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| random.chance(1.0)) && !(0..1000).any(|_| random.chance(0.0)));
    }
}
