//! Files in memory. They are read and not mapped: a map of a file that another program shortens ends the process, and text
//! that was found to be UTF-8 could change under the reader. So the house needs no `unsafe`.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

pub use ::bytes::Bytes;

/// Reads a file, or says that it did not stand still while it was read.
///
/// # Errors
/// Whatever the system says.
pub fn open(path: &Path) -> io::Result<Bytes> {
    read(path, &mut |_| {})
}

/// Reads a file; `midway` is called between its opening and the reading of the rest.
fn read(path: &Path, midway: &mut dyn FnMut(&Path)) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    let mut all = Vec::new();
    // The size is a hint: a pipe has none, and a file that claims more than there is room for is no reason to end.
    let room = usize::try_from(before.len()).unwrap_or(usize::MAX).saturating_add(1);
    all.try_reserve_exact(room).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    midway(path);
    file.read_to_end(&mut all)?;
    let after = file.metadata()?;
    if before.is_file() && (still(&before) != still(&after) || (after.len() > 0 && after.len() != all.len() as u64)) {
        return Err(io::Error::other(format!(
            "the file changed while it was read ({} bytes at first, {} in the end)",
            before.len(),
            after.len()
        )));
    }
    Ok(all.into())
}

/// What stays the same while nobody writes.
fn still(m: &Metadata) -> (u64, Option<std::time::SystemTime>) {
    (m.len(), m.modified().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn small_and_large_files() {
        let dir = tempfile::tempdir().expect("temporary folder");
        for n in [0usize, 10, (1 << 20) + 3] {
            let path = dir.path().join("文 件.csv");
            let want: Vec<u8> = (0..n).map(|i| i as u8).collect();
            std::fs::write(&path, &want).expect("written");
            assert_eq!(&*open(&path).expect("opened"), &want[..]);
        }
        assert!(open(dir.path()).is_err());
        assert!(open(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_file_that_does_not_stand_still() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("a.csv");
        let changes: [&dyn Fn(&Path); 2] =
            [&|p| File::options().append(true).open(p).expect("opened").write_all(b"more").expect("written"), &|p| {
                File::options().write(true).open(p).expect("opened").set_len(3).expect("cut")
            }];
        for change in changes {
            std::fs::write(&path, b"a,b\n1,2\n").expect("written");
            let e = read(&path, &mut |p| change(p)).expect_err("it changed");
            assert!(e.to_string().contains("changed while it was read (8 bytes at first"), "{e}");
        }
        // One that is taken away is read to its end: it is still there for whoever has it open.
        std::fs::write(&path, b"a,b\n1,2\n").expect("written");
        assert_eq!(read(&path, &mut |p| std::fs::remove_file(p).expect("removed")).expect("read"), &b"a,b\n1,2\n"[..]);
    }
}
