//! Output folders written whole: everything goes into a folder beside the target, which takes its place at the end.

use crate::bulk::behind::Behind;
use crate::bulk::hashing::Hashing;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How folders in the making begin; what somebody else begins so is not touched without its [`LOCK`].
const PREFIX: &str = ".zhuize-";
/// A file in each, locked by the process that makes it: the system lets go of it when the process ends, however it ends.
const LOCK: &str = ".lock";
/// Age from which a folder without a lock belongs to nobody: it has none only while it is being made or taken away.
const OLD: Duration = Duration::from_secs(2);

/// The folders that this process is making.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away what is in the making and leaves: no output is put in place from then on.
pub fn abandon(leave: impl FnOnce()) {
    let all = live();
    for dir in all.iter() {
        // Under another name nothing new comes into it while it is being taken away.
        let mut gone = dir.clone().into_os_string();
        gone.push("-gone");
        let gone = if fs::rename(dir, &gone).is_ok() { PathBuf::from(gone) } else { dir.clone() };
        let _ = (0..100).find(|_| fs::remove_dir_all(&gone).is_ok() || !gone.exists());
    }
    leave();
}

/// A folder of this process beside its target.
#[derive(Debug)]
struct Made {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    _lock: File,
}

impl Made {
    fn new(home: &Path) -> io::Result<Self> {
        sweep(home);
        let mut all = live();
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(home)?;
        let path = dir.path().to_owned();
        all.insert(path.clone());
        drop(all);
        let made = |lock| Self { dir: Some(dir), path: path.clone(), _lock: lock };
        // It gets its name when it is locked, so that nobody finds it open.
        let fresh = path.join(".new");
        let lock = File::create(&fresh);
        let _ = lock.as_ref().map(File::lock);
        let made = match lock {
            Ok(lock) => made(lock),
            Err(e) => {
                live().remove(&path);
                return Err(e);
            }
        };
        fs::rename(&fresh, path.join(LOCK))?;
        Ok(made)
    }

    fn close(mut self) -> io::Result<()> {
        self.dir.take().map_or(Ok(()), tempfile::TempDir::close)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        drop(self.dir.take());
        live().remove(&self.path);
    }
}

/// Takes away what processes that were killed left in a folder.
fn sweep(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(PREFIX)) {
        let path = entry.path();
        let free = match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => {
                let age = entry.metadata().and_then(|m| m.modified()).map(|t| t.elapsed());
                age.is_ok_and(|a| a.is_ok_and(|a| a > OLD))
            }
        };
        if free {
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// A folder in the making. Dropped without [`Staging::finish`], it leaves no trace.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    made: Made,
    names: Vec<String>,
}

/// A finished output file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Name in the folder.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// blake3 hash of the bytes, hexadecimal.
    pub blake3: String,
}

/// A file of a [`Staging`] that is being written.
pub struct Open {
    name: String,
    out: Hashing<BufWriter<Behind>>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.name)
    }
}

impl Write for Open {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Staging {
    /// Begins a folder that will stand at `target`; its parents are made if they are missing.
    ///
    /// # Errors
    /// When the target is a file, or nothing can be written beside it.
    pub fn new(target: &Path) -> io::Result<Self> {
        if target.exists() && !target.is_dir() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is not a folder", target.display())));
        }
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent)?;
        let home = if target.is_dir() { target } else { parent };
        if home != parent {
            // Whoever was killed before the target stood there left it beside.
            sweep(parent);
        }
        let made = Made::new(home)?;
        Ok(Self { target: target.to_owned(), made, names: Vec::new() })
    }

    /// Writes one file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn file(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Written> {
        let mut out = self.open(name)?;
        write(&mut out)?;
        self.close(out)
    }

    /// Begins a file, anew if it was begun before.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(&self, name: &str) -> io::Result<Open> {
        let file = File::create(self.made.path.join(name))?;
        let out = Hashing::new(BufWriter::with_capacity(1 << 18, Behind::new(file)));
        Ok(Open { name: name.to_owned(), out })
    }

    /// Ends a file.
    ///
    /// # Errors
    /// What the disk says.
    pub fn close(&mut self, mut file: Open) -> io::Result<Written> {
        file.flush()?;
        let blake3 = file.out.hash().to_hex().to_string();
        self.names.push(file.name.clone());
        Ok(Written { name: file.name, bytes: file.out.bytes(), blake3 })
    }

    /// Where a file of it stands until the end.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.made.path.join(name)
    }

    /// Puts the files in place, `last` after all others, and removes `stale` files of an earlier run.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(mut self, last: &str, stale: &[&str]) -> io::Result<()> {
        self.names.sort_by_key(|n| (n == last, n.clone()));
        // Who is told to leave leaves no empty target either.
        let held = live();
        fs::create_dir_all(&self.target)?;
        // Whoever is stopped between the first and the last file leaves a folder without `last`, never an old one beside
        // new files.
        if self.names.iter().any(|n| n == last) {
            absent(&self.target.join(last))?;
        }
        for name in &self.names {
            fs::rename(self.made.path.join(name), self.target.join(name))?;
        }
        for name in stale {
            if !self.names.iter().any(|n| n == name) {
                absent(&self.target.join(name))?;
            }
        }
        drop(held);
        self.made.close()
    }
}

/// Removes a file that may not be there.
fn absent(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Writes one file, whole or not at all. A symbolic link stays, and the file that it leads to is replaced.
///
/// # Errors
/// What the disk says.
pub fn whole(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let led = if target.is_symlink() { Some(fs::canonicalize(target)?) } else { None };
    let target = led.as_deref().unwrap_or(target);
    let parent = match target.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent)?;
    let made = Made::new(parent)?;
    let path = made.path.join("whole");
    File::create(&path)?.write_all(bytes)?;
    let held = live();
    fs::rename(&path, target)?;
    drop(held);
    made.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_make_stays() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let living = Made::new(home).unwrap();
        for dead in [".zhuize-dead", ".zhuize-odd"] {
            fs::create_dir(home.join(dead)).unwrap();
            fs::write(home.join(dead).join("liable.csv"), "half").unwrap();
        }
        fs::write(home.join(".zhuize-dead").join(LOCK), "").unwrap();
        fs::write(home.join("zhuize-mine"), "mine").unwrap();
        whole(&home.join("x"), b"x").unwrap();
        let mut names: Vec<String> =
            fs::read_dir(home).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        // One that has no lock may be one that is just being made.
        let alive = living.path.file_name().unwrap().to_string_lossy().into_owned();
        let mut want = vec![alive, ".zhuize-odd".to_owned(), "x".to_owned(), "zhuize-mine".to_owned()];
        want.sort();
        assert_eq!(names, want);
        assert!(live().contains(&living.path));
        let path = living.path.clone();
        drop(living);
        assert!(!live().contains(&path) && !path.exists());
    }

    #[test]
    fn nothing_appears_before_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a/结果 out");
        let mut s = Staging::new(&target).unwrap();
        let w = s.file("x.csv", |o| o.write_all(b"hello")).unwrap();
        assert_eq!((w.bytes, w.blake3.len()), (5, 64));
        assert!(!target.exists());
        s.finish("manifest.json", &[]).unwrap();
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(fs::read(target.join("x.csv")).unwrap(), b"hello");

        let mut again = Staging::new(&target).unwrap();
        again.file("y.csv", |o| o.write_all(b"y")).unwrap();
        drop(again);
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1, "an abandoned run leaves nothing");
        let mut third = Staging::new(&target).unwrap();
        third.file("y.csv", |o| o.write_all(b"y")).unwrap();
        third.finish("y.csv", &["x.csv"]).unwrap();
        assert!(!target.join("x.csv").exists());
        assert!(Staging::new(&target.join("y.csv")).is_err());
    }
}
