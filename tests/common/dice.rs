//! Numbers that look random and are the same each time, so that a failure names the seed that led to it.

/// A generator (xorshift); its seed is not nought.
pub struct Dice(pub u64);

impl Dice {
    /// A number below another, or nought.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
