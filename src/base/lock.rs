//! One writer at a time.

use super::Trouble;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Held while a base is changed; given back when dropped, or by the system when the process ends in any way.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the file is the lock")] File);

impl Lock {
    /// Takes the lock of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When somebody else holds it.
    pub fn take(dir: &Path) -> Result<Self, Trouble> {
        std::fs::create_dir_all(dir).map_err(|e| Trouble::io(dir, e))?;
        let path = dir.join("lock");
        let file = File::options().create(true).append(true).open(&path).map_err(|e| Trouble::io(&path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Trouble::Busy(dir.to_owned())),
            Err(TryLockError::Error(e)) => Err(Trouble::io(&path, e)),
        }
    }
}
