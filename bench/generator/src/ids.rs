//! Ids: the same message, device or visitor has the same id wherever it is written.

use std::fmt;

use crate::arrivals::ArrivingRow;
use crate::options::{IdStyle, Traffic};
use crate::random::{Purpose, bits};

/// The second from which KSUIDs count.
const KSUID_EPOCH: i64 = 1_400_000_000;

/// A short ASCII text, without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct Id {
    bytes: [u8; 64],
    length: u8,
}

impl Id {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).expect("ids are written in ASCII")
    }

    fn empty() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }

    fn push(&mut self, text: &[u8]) {
        let from = usize::from(self.length);
        self.bytes[from..from + text.len()].copy_from_slice(text);
        self.length += text.len() as u8;
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Makes the ids of one data set.
#[derive(Debug, Clone)]
pub struct IdMaker {
    seed: u64,
    style: IdStyle,
    start_second: i64,
}

impl IdMaker {
    /// The ids that belong to this traffic.
    pub fn new(traffic: &Traffic, style: IdStyle) -> Self {
        Self { seed: traffic.seed, style, start_second: traffic.start_ms() / 1000 }
    }

    /// The message id of a row; the same for both deliveries of a message.
    pub fn message(&self, row: &ArrivingRow) -> Id {
        self.make(row.key, (row.timestamp - i64::from(row.moved)) / 1000)
    }

    /// The id of a visitor's device.
    pub fn device(&self, visitor: u32, device: u8) -> Id {
        let second = self.start_second - i64::from(visitor) % 10_000_000;
        self.make(1 << 63 | u64::from(visitor) << 8 | u64::from(device), second)
    }

    /// The id a visitor signs in with.
    pub fn user(&self, visitor: u32) -> Id {
        let mut id = Id::empty();
        match self.style {
            IdStyle::Uuid => {
                id.push(b"customer_");
                push_decimal(&mut id, u64::from(visitor) + 100_000);
            }
            IdStyle::Ksuid => {
                let subject = self
                    .make(3 << 62 | u64::from(visitor), self.start_second - i64::from(visitor) % 50_000_000);
                id.push(b"auth0|");
                id.push(subject.as_str().as_bytes());
                id.push(b"@accounts.shop.example");
            }
        }
        id
    }

    /// The id of the source that all events come from.
    pub fn source(&self) -> Id {
        ksuid(
            self.start_second - 31_536_000,
            bits(self.seed, Purpose::IdHigh, 2 << 62),
            bits(self.seed, Purpose::IdLow, 2 << 62),
        )
    }

    /// The id in the name of the `number`th file.
    pub fn file(&self, number: u64) -> Id {
        let subject = 5 << 61 | number;
        uuid(bits(self.seed, Purpose::IdHigh, subject), bits(self.seed, Purpose::IdLow, subject))
    }

    fn make(&self, subject: u64, second: i64) -> Id {
        let high = bits(self.seed, Purpose::IdHigh, subject);
        let low = bits(self.seed, Purpose::IdLow, subject);
        match self.style {
            IdStyle::Uuid => uuid(high, low),
            IdStyle::Ksuid => ksuid(second, high, low),
        }
    }
}

/// A version 4 UUID of these bits.
fn uuid(high: u64, low: u64) -> Id {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let high = high & !0xf000 | 0x4000;
    let low = low & !(3 << 62) | 1 << 63;
    let mut id = Id::empty();
    for (index, byte) in high.to_be_bytes().into_iter().chain(low.to_be_bytes()).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push(b"-");
        }
        id.push(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    id
}

/// A KSUID: 32 bits of seconds and 128 of payload, as 27 digits of base 62.
fn ksuid(second: i64, high: u64, low: u64) -> Id {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let payload = u128::from(high) << 64 | u128::from(low);
    let mut limbs = [
        (second - KSUID_EPOCH) as u32,
        (payload >> 96) as u32,
        (payload >> 64) as u32,
        (payload >> 32) as u32,
        payload as u32,
    ];
    let mut digits = [0; 27];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0;
        for limb in &mut limbs {
            let value = remainder << 32 | u64::from(*limb);
            *limb = (value / 62) as u32;
            remainder = value % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    let mut id = Id::empty();
    id.push(&digits);
    id
}

fn push_decimal(id: &mut Id, mut number: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    while number > 0 || from == digits.len() {
        from -= 1;
        digits[from] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    id.push(&digits[from..]);
}

#[cfg(test)]
mod tests {
    use super::{KSUID_EPOCH, ksuid, uuid};

    #[test]
    fn a_uuid_carries_its_version_and_variant() {
        assert_eq!(uuid(0, 0).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u64::MAX, u64::MAX).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(0x0123_4567_89ab_cdef, 1).as_str(), "01234567-89ab-4def-8000-000000000001");
    }

    #[test]
    fn a_ksuid_is_base_62_of_160_bits() {
        assert_eq!(ksuid(KSUID_EPOCH, 0, 0).as_str(), "000000000000000000000000000");
        assert_eq!(ksuid(KSUID_EPOCH, 0, 62).as_str(), "000000000000000000000000010");
        // The largest KSUID, as its specification prints it.
        let largest = ksuid(KSUID_EPOCH + i64::from(u32::MAX), u64::MAX, u64::MAX);
        assert_eq!(largest.as_str(), "aWgEPTl1tmebfsQzFP4bxwgy80V");
    }
}
