//! Readers of other people's making that damage of a file can trip.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in such a reader: its panic is damage of the file, which is dealt with, and no news.
#[must_use]
pub fn guarded() -> bool {
    GUARDED.get()
}

/// What a reader gives, or nothing if the file trips it.
pub(super) fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(before);
    read.ok()
}
