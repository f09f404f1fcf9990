//! Numbers packed as Parquet packs them: run-length and bit-packed keys, and deltas of 64-bit integers.

/// Appends `value` in LEB128.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Bits that every number up to `greatest` fits into.
pub(crate) fn bits_for(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

/// Appends each value's low `width` bits, the first value in the lowest bits. `width` is at most 64.
pub(crate) fn put_bits(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let (mut pending, mut filled) = (0u128, 0);
    for value in values {
        pending |= u128::from(value) << filled;
        filled += width;
        while filled >= 32 {
            out.extend_from_slice(&(pending as u32).to_le_bytes());
            pending >>= 32;
            filled -= 32;
        }
    }
    out.extend_from_slice(&pending.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

/// Values that a run must repeat before it is shorter than the values bit-packed.
const SHORTEST_RUN: usize = 8;

/// Appends `keys` in Parquet's hybrid of run lengths and bit-packing. `width` bits hold every key.
pub(crate) fn put_hybrid(out: &mut Vec<u8>, keys: &[u32], width: u32) {
    let mut packed_from = 0;
    let mut at = 0;
    while at < keys.len() {
        let run = keys[at..].iter().take_while(|key| **key == keys[at]).count();
        // Bit-packed runs are whole groups of eight; a run first fills up the group it interrupts.
        let fill = (at - packed_from).next_multiple_of(8) - (at - packed_from);
        if run >= fill + SHORTEST_RUN {
            put_packed(out, &keys[packed_from..at + fill], width);
            put_run(out, keys[at], run - fill, width);
            packed_from = at + run;
        }
        at += run;
    }
    put_packed(out, &keys[packed_from..], width);
}

/// A run of one key, in the same hybrid.
pub(crate) fn put_run(out: &mut Vec<u8>, key: u32, rows: usize, width: u32) {
    put_varint(out, (rows as u64) << 1);
    out.extend_from_slice(&key.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// A bit-packed run; only the last of a page may end within a group of eight, which zeros fill up.
fn put_packed(out: &mut Vec<u8>, keys: &[u32], width: u32) {
    if keys.is_empty() {
        return;
    }
    let groups = keys.len().div_ceil(8);
    put_varint(out, (groups as u64) << 1 | 1);
    let padding = std::iter::repeat_n(0, groups * 8 - keys.len());
    put_bits(out, keys.iter().map(|key| u64::from(*key)).chain(padding), width);
}

const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Appends `values` in Parquet's `DELTA_BINARY_PACKED`.
pub(crate) fn put_deltas(out: &mut Vec<u8>, values: &[i64]) {
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / MINIBLOCK) as u64);
    put_varint(out, values.len() as u64);
    put_zigzag(out, values.first().copied().unwrap_or(0));
    let mut deltas = [0i64; BLOCK];
    let mut previous = values.first().copied().unwrap_or(0);
    for block in values.get(1..).unwrap_or_default().chunks(BLOCK) {
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(previous);
            previous = *value;
        }
        let deltas = &deltas[..block.len()];
        let least = deltas.iter().copied().min().unwrap_or(0);
        let above = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
        put_zigzag(out, least);
        let width =
            |miniblock: &[i64]| bits_for(miniblock.iter().map(above).fold(0, |all, delta| all | delta));
        let mut widths = [0; BLOCK / MINIBLOCK];
        for (width_byte, miniblock) in widths.iter_mut().zip(deltas.chunks(MINIBLOCK)) {
            *width_byte = width(miniblock) as u8;
        }
        out.extend_from_slice(&widths);
        for (width, miniblock) in widths.iter().zip(deltas.chunks(MINIBLOCK)) {
            let padding = std::iter::repeat_n(0, MINIBLOCK - miniblock.len());
            put_bits(out, miniblock.iter().map(above).chain(padding), u32::from(*width));
        }
    }
}
