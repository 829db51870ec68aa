//! Values are 32-bit words whose unsigned order is the order of the value: symbol ids as they are, numbers with the
//! sign bit flipped, floats in the order-preserving form of their bits.

/// A value of any type.
pub type Word = u32;

/// Word of a number.
#[must_use]
pub fn from_number(n: i32) -> Word {
    (n as u32) ^ 0x8000_0000
}

/// Number of a word.
#[must_use]
pub fn to_number(w: Word) -> i32 {
    (w ^ 0x8000_0000) as i32
}

/// Word of a float; -0.0 is taken as 0.0.
#[must_use]
pub fn from_float(f: f32) -> Word {
    let b = (if f == 0.0 { 0.0f32 } else { f }).to_bits();
    if b & 0x8000_0000 == 0 { b | 0x8000_0000 } else { !b }
}

/// Float of a word.
#[must_use]
pub fn to_float(w: Word) -> f32 {
    f32::from_bits(if w & 0x8000_0000 == 0 { !w } else { w & 0x7fff_ffff })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_words_is_order_of_values() {
        let n = [i32::MIN, -5, -1, 0, 1, 7, i32::MAX];
        for w in n.windows(2) {
            assert!(from_number(w[0]) < from_number(w[1]));
            assert_eq!(to_number(from_number(w[0])), w[0]);
        }
        let f = [f32::NEG_INFINITY, -2.5, -1e-9, 0.0, 1e-9, 3.0, f32::INFINITY];
        for w in f.windows(2) {
            assert!(from_float(w[0]) < from_float(w[1]));
            assert_eq!(to_float(from_float(w[0])), w[0]);
        }
    }
}
