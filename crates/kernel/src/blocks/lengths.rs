//! How long texts are, by which the most that some rows can take is known before their order is.

use crate::intern::USUAL_BYTES;

/// Texts counted by their lengths, in classes of powers of 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// By the bits of a length: how many texts, and their bytes together.
    classes: [(u64, u64); 32],
}

impl Lengths {
    /// Counts a text.
    pub fn add(&mut self, bytes: usize) {
        let class = (usize::BITS - bytes.leading_zeros()).min(31) as usize;
        self.classes[class].0 += 1;
        self.classes[class].1 += bytes as u64;
    }

    /// Counts what others have counted.
    pub fn merge(&mut self, other: &Self) {
        for ((texts, bytes), (more, of_more)) in self.classes.iter_mut().zip(other.classes) {
            *texts += more;
            *bytes += of_more;
        }
    }

    /// Bytes of the longest texts, of which there are so many: no others of that number take more. Texts of one class count as
    /// long as they are on average.
    pub fn most(&self, texts: u64) -> u64 {
        let (mut left, mut most) = (texts, 0);
        for (texts, bytes) in self.classes.iter().rev().filter(|(texts, _)| *texts > 0) {
            let taken = left.min(*texts);
            most += (u128::from(*bytes) * u128::from(taken) / u128::from(*texts)) as u64;
            left -= taken;
        }
        most
    }

    /// Bytes by which the longest texts, of which there are so many, are longer than usual ones.
    pub fn excess(&self, texts: u64) -> u64 {
        self.most(texts).saturating_sub(texts * USUAL_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::excess;

    #[test]
    fn the_longest_texts_count_first_wherever_they_are() {
        let mut lengths = Lengths::default();
        (0..1000).for_each(|_| lengths.add(36));
        assert_eq!((lengths.most(10), lengths.most(5000), lengths.excess(1000)), (360, 36_000, 0));
        let mut others = Lengths::default();
        (0..10).for_each(|_| others.add(60_000));
        others.add(0);
        lengths.merge(&others);
        assert_eq!((lengths.most(1), lengths.most(11)), (60_000, 600_036));
        assert_eq!(lengths.excess(10), 600_000 - 640);
        assert_eq!((excess(64), excess(65_536)), (0, 65_472));
    }
}
