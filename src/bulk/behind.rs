//! Large files on their way to the disk, without filling the cache of the system.
//!
//! Results can be larger than the memory that is free, and nobody reads them while they are written. Left alone, the system keeps
//! all of them in pages that it has to find and clear first; that takes longer than writing them, and drives out what
//! is in use. So of a file that grows past [`KEPT`] the rest is sent to the disk as it comes, and its pages go once it
//! is there. A thread of its own says so to the system, whose answer may wait for the disk. It is advice: nothing about the
//! bytes depends on it, and where it cannot be given (not on Linux) nothing is done.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

/// What of each file may stay in the cache, bytes.
pub const KEPT: u64 = 64 << 20;
/// What is spoken of at once, bytes.
const WINDOW: u64 = 8 << 20;
/// After so many windows more, one that was sent to the disk should be there.
const LAG: usize = 12;

type Window = (Arc<File>, Range<u64>);

/// A file of which only the beginning stays in the cache of the system.
#[derive(Debug)]
pub struct Behind {
    file: Arc<File>,
    at: u64,
    told: u64,
}

impl Behind {
    /// An empty file that is to be written from its beginning to its end.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self { file: Arc::new(file), at: 0, told: KEPT }
    }

    /// The file, for what concerns all of it.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Write for Behind {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = (&*self.file).write(buf)?;
        self.at += n as u64;
        if self.at >= self.told + WINDOW {
            let window = self.told..self.at;
            self.told = self.at;
            if let Some(windows) = windows() {
                // Nobody listens any more when the process ends.
                let _ = windows.send((Arc::clone(&self.file), window));
            }
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.file).flush()
    }
}

/// Where windows are taken to the disk; none where that cannot be asked for.
fn windows() -> Option<&'static Sender<Window>> {
    static THREAD: OnceLock<Option<Sender<Window>>> = OnceLock::new();
    let start = || {
        let (send, receive) = channel::<Window>();
        let work = move || {
            let mut sent: std::collections::VecDeque<Window> = std::collections::VecDeque::new();
            for window in receive {
                // What the disk does not have yet stays, but is sent there.
                leave(&window);
                sent.push_back(window);
                if sent.len() > LAG
                    && let Some(window) = sent.pop_front()
                {
                    leave(&window);
                }
            }
        };
        std::thread::Builder::new().name("write-behind".into()).spawn(work).ok().map(|_| send)
    };
    if cfg!(target_os = "linux") { THREAD.get_or_init(start).as_ref() } else { None }
}

#[cfg(target_os = "linux")]
fn leave((file, window): &Window) {
    use rustix::fs::{Advice, fadvise};
    let length = std::num::NonZeroU64::new(window.end - window.start);
    // Advice: who does not take it keeps the pages.
    let _ = fadvise(&**file, window.start, length, Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn leave(_: &Window) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut out = Behind::new(File::create(&path).unwrap());
        let piece: Vec<u8> = (0..1 << 20).map(|i: u32| (i / 7) as u8).collect();
        let pieces = (KEPT + 3 * WINDOW) as usize / piece.len();
        for i in 0..pieces {
            out.write_all(&piece[..piece.len() - i]).unwrap();
        }
        out.flush().unwrap();
        assert!(out.told > KEPT && out.told <= out.at);
        drop(out);
        let read = std::fs::read(&path).unwrap();
        let mut at = 0;
        for i in 0..pieces {
            let n = piece.len() - i;
            assert!(read[at..at + n] == piece[..n]);
            at += n;
        }
        assert_eq!(at, read.len());
    }
}
