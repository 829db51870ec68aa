//! What goes through to a file is counted and hashed.

use std::io::{self, Write};

/// A stream that counts all that goes through it and hashes what went since the last beginning.
#[derive(Debug)]
pub struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W> Hashing<W> {
    /// Nothing has gone through yet.
    #[must_use]
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// Bytes that went through, all together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From here on is hashed anew.
    pub fn begin(&mut self) {
        self.hasher.reset();
    }

    /// Hash of what went through since the last beginning.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    /// Writes bytes that are counted and not hashed.
    ///
    /// # Errors
    /// What whoever takes them says.
    pub fn pass(&mut self, bytes: &[u8]) -> io::Result<()>
    where
        W: Write,
    {
        self.inner.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Where it went.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.hasher.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_through_is_counted_and_hashed() {
        let mut out = Hashing::new(Vec::new());
        out.write_all(b"head").unwrap();
        assert_eq!(out.hash(), blake3::hash(b"head"));
        out.begin();
        out.write_all(b"bo").unwrap();
        out.write_all(b"dy").unwrap();
        assert_eq!((out.hash(), out.bytes()), (blake3::hash(b"body"), 8));
        assert_eq!(out.into_inner(), b"headbody");
        // What was not taken did not go through.
        let mut room = [0u8; 3];
        let mut out = Hashing::new(&mut room[..]);
        assert_eq!(out.write(b"head").unwrap(), 3);
        assert_eq!((out.hash(), out.bytes()), (blake3::hash(b"hea"), 3));
    }
}
