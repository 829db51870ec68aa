//! Signals: who is told to leave takes away what is half-written, and ends as the signal ends a process.

use crate::report::staging;
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Listens from now on.
pub fn listen() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let heard = |signal: &i32| !ignored(&status, *signal);
    // A file beyond what the shell allows: the write fails with a message, instead of the process in silence.
    if heard(&SIGXFSZ) {
        let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    }
    // The library breaks off when there is no memory, after it has said so: that ends with the code of a limit.
    let _ = flag::register_conditional_shutdown(SIGABRT, 5, Arc::new(AtomicBool::new(true)));
    let leave: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(heard).collect();
    // Before anything is begun, not when the thread comes to it.
    let Ok(mut signals) = Signals::new(&leave) else { return };
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            staging::abandon(|| {
                let _ = low_level::emulate_default_handler(signal);
                std::process::exit(128 + signal);
            });
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).stack_size(1 << 17).spawn(wait);
}

/// Whether whoever started the process wants a signal to pass by, as `nohup` does.
fn ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_pass_by() {
        let status = "Name:\tx\nSigIgn:\t0000000000000001\n";
        assert!(ignored(status, SIGHUP) && !ignored(status, SIGINT));
        assert!(!ignored("", SIGHUP));
    }
}
