//! Files in memory: small ones read, large ones mapped. The only file of the house with `unsafe`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Files from this size on are mapped: below it, reading is as fast and needs no trust in others leaving the file alone.
const LARGE: u64 = 1 << 20;

/// The bytes of a file.
#[derive(Debug)]
pub enum Bytes {
    /// Mapped.
    Mapped(memmap2::Mmap),
    /// Read.
    Read(Vec<u8>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(m) => m,
            Bytes::Read(v) => v,
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Opens a file.
///
/// # Errors
/// Whatever the system says.
#[allow(unsafe_code)]
pub fn open(path: &Path) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() && meta.len() >= LARGE {
        // SAFETY: the map is read only and private to this process. If another process shortens the file while it is
        // being loaded, the system ends this process with a bus error; nothing is written or decided on torn data,
        // because text is checked to be UTF-8 before it is used and a loaded table keeps no reference to the map.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        return Ok(Bytes::Mapped(map));
    }
    let mut all = Vec::with_capacity(meta.len() as usize + 1);
    file.read_to_end(&mut all)?;
    Ok(Bytes::Read(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_files() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for n in [0usize, 10, LARGE as usize + 3] {
            let path = dir.path().join("文 件.csv");
            let want: Vec<u8> = (0..n).map(|i| i as u8).collect();
            std::fs::write(&path, &want).expect("written");
            assert_eq!(&*open(&path).expect("opened"), &want[..]);
        }
        assert!(open(dir.path()).is_err());
        assert!(open(&dir.path().join("none")).is_err());
    }
}
