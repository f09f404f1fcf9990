//! Hashes that nobody outside of the process can foresee.
//!
//! Browsers choose the ids of events, devices and users. Under a hash that is known, many ids with one hash can be
//! made, and a table that looks for them takes quadratic time. So every process draws the numbers that its hashes
//! depend on. No table and no file has anything of such a hash.

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

static SECRET: LazyLock<Secret> = LazyLock::new(Secret::draw);
static TEXT_SEED: LazyLock<SharedSeed> =
    LazyLock::new(|| SharedSeed::from_u64(RandomState::new().hash_one(0)));

struct Secret {
    numbers: Mix,
    texts: SeedableRandomState,
}

impl Secret {
    fn draw() -> Self {
        let random = RandomState::new();
        let draw = |number: u64| random.hash_one(number);
        Self { numbers: Mix::drawn(draw), texts: SeedableRandomState::with_seed(draw(4), &TEXT_SEED) }
    }
}

/// A hash of 128-bit numbers.
///
/// Each step multiplies by a factor that no number can make zero, so that no half of a number makes the other one
/// meaningless. Numbers at equal distances lie close together after one multiplication by an unlucky factor; the last step
/// takes them apart again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    addend: u64,
    /// All are odd.
    factors: [u64; 3],
}

impl Mix {
    /// The hash that these numbers, each drawn by its place, make.
    pub(crate) fn drawn(draw: impl Fn(u64) -> u64) -> Self {
        Self { addend: draw(0), factors: [draw(1) | 1, draw(2) | 1, draw(3) | 1] }
    }

    /// The hash of this process.
    pub(crate) fn secret() -> Self {
        SECRET.numbers
    }

    /// A hash that tests can foresee: the exclusive or of the halves.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { addend: 0, factors: [1, 1, 1] };

    pub(crate) fn hash(self, high: u64, low: u64) -> u64 {
        let [of_low, of_both, of_all] = self.factors;
        fold(fold(fold(low ^ self.addend, of_low) ^ high, of_both), of_all)
    }
}

/// Both halves of the product in one.
fn fold(number: u64, factor: u64) -> u64 {
    let product = u128::from(number) * u128::from(factor);
    (product >> 64) as u64 ^ product as u64
}

/// The hash of a text in this process.
pub(crate) fn hash_text(text: &str) -> u64 {
    SECRET.texts.hash_one(text)
}

/// The hash of this process for the tables of the standard library, over anything that comes from outside.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecretState;

impl BuildHasher for SecretState {
    type Hasher = FoldHasher<'static>;

    fn build_hasher(&self) -> Self::Hasher {
        SECRET.texts.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_half_of_a_number_hides_the_other() {
        for mix in [Mix::secret(), Mix::PLAIN] {
            // What would make a factor zero, were it not for the numbers that are multiplied with.
            for fixed in [0, 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93, mix.addend] {
                assert_ne!(mix.hash(fixed, 1), mix.hash(fixed, 2), "{fixed:x} in front");
                assert_ne!(mix.hash(1, fixed), mix.hash(2, fixed), "{fixed:x} behind");
            }
        }
    }

    #[test]
    fn hashes_are_the_same_as_long_as_the_process_runs() {
        assert_eq!(Mix::secret().hash(1, 2), Mix::secret().hash(1, 2));
        assert_eq!(hash_text("device"), hash_text("device"));
        assert_eq!(SecretState.hash_one("device"), hash_text("device"));
    }
}
