//! How much memory a run may use before it is better stopped by name than by the system.

use super::Request;
use crate::engine::limit::Options;
use std::fs;
use std::path::Path;

/// A limit that was met, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Bytes that were needed, or will be at least.
    pub needed: u64,
    /// Bytes allowed.
    pub limit: u64,
    /// The tables have been read already.
    pub loaded: bool,
}

impl Refused {
    /// What there is to say, in Chinese or in English.
    #[must_use]
    pub fn text(&self, zh: bool) -> String {
        let (needed, limit) = (size(self.needed), size(self.limit));
        match (zh, self.loaded) {
            (true, false) => {
                format!("E0712: 读入案件库至少约需 {needed} 内存，而 --memory 只许 {limit}；请放宽上限，或拆分案件库")
            }
            (true, true) => format!(
                "E0712: 推理已用 {needed} 内存，而 --memory 只许 {limit}；请放宽上限，或减少 --threads，或拆分案件库"
            ),
            (false, false) => format!(
                "E0712: reading the casebase takes about {needed} of memory at least, and --memory allows {limit}; allow more, or split the casebase"
            ),
            (false, true) => format!(
                "E0712: the run has come to {needed} of memory, and --memory allows {limit}; allow more, take fewer --threads, or split the casebase"
            ),
        }
    }
}

/// An amount as people say it.
fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 10 << 30 => format!("{} GiB", b >> 30),
        b if b >= 1 << 30 => format!("{:.1} GiB", b as f64 / f64::from(1 << 30)),
        b => format!("{} MiB", b.div_ceil(1 << 20)),
    }
}

/// Refuses a casebase that does not fit. Its texts stand in memory while it is read, and its rows beside them: half as much
/// again for CSV; packed files grow.
///
/// # Errors
/// When the least that it takes is more than the limit.
pub fn before(facts: &Path, limit: Option<u64>) -> Result<(), Refused> {
    let Some(limit) = limit else { return Ok(()) };
    let grown = |name: &str, bytes: u64| match name.rsplit('.').next().unwrap_or("") {
        "csv" | "tsv" | "txt" => bytes + bytes / 2,
        "parquet" | "gz" => bytes * 4,
        "xlsx" | "xlsm" => bytes * 6,
        _ => 0,
    };
    let of = |path: &Path| {
        let bytes = fs::metadata(path).map_or(0, |m| m.len());
        grown(&path.to_string_lossy().to_ascii_lowercase(), bytes)
    };
    let tables: u64 = match fs::read_dir(facts) {
        Ok(entries) => entries.flatten().map(|e| of(&e.path())).sum(),
        Err(_) => of(facts),
    };
    let needed = resident() + tables;
    if needed > limit { Err(Refused { needed, limit, loaded: false }) } else { Ok(()) }
}

/// Whether the process has kept within its limit all the time so far.
///
/// # Errors
/// When it has not.
pub fn kept(limit: Option<u64>) -> Result<(), Refused> {
    let needed = status("VmHWM:");
    match limit {
        Some(limit) if needed > limit => Err(Refused { needed, limit, loaded: true }),
        _ => Ok(()),
    }
}

/// How the engine is to run under the limit of a request: what is left of it is for tables, a quarter of that for those that
/// shards keep.
#[must_use]
pub fn options(request: &Request) -> Options {
    let plain = Options { threads: request.threads, max_bytes: bound(), ..Options::default() };
    let Some(limit) = request.memory else { return plain };
    let left = usize::try_from(limit.saturating_sub(resident())).unwrap_or(usize::MAX).max(1);
    Options { max_bytes: plain.max_bytes.min(left), kept_bytes: plain.kept_bytes.min(left / 4), ..plain }
}

/// Memory of this process, in bytes; 0 where nobody knows.
fn resident() -> u64 {
    status("VmRSS:")
}

/// A line of the system's account of this process.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Bytes that the tables of a run may take: a third of the limit that the shell set (`ulimit -v`), for rows are copied while
/// they are sorted, and nine tenths of what the machine has left. No bound where neither is known.
#[must_use]
pub fn bound() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let free = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    least(&limits, &free)
}

fn least(limits: &str, free: &str) -> usize {
    let number = |text: &str, line: &str, at: usize| {
        let rest = text.lines().find_map(|l| l.strip_prefix(line))?;
        rest.split_whitespace().nth(at)?.parse::<usize>().ok()
    };
    let shell = number(limits, "Max address space", 0).map(|b| b / 3);
    let left = number(free, "MemAvailable:", 0).map(|kb| kb.saturating_mul(1024) / 10 * 9);
    [shell, left].into_iter().flatten().min().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        fs::write(dir.path().join("a.csv"), vec![b'x'; 1 << 20]).expect("written");
        fs::write(dir.path().join("a.md"), vec![b'x'; 1 << 24]).expect("written");
        let base = resident();
        assert!(base > 0);
        // Tests beside this one need memory too.
        let refused = before(dir.path(), Some(base)).expect_err("too little");
        assert!(refused.needed >= base.min(refused.needed) && !refused.loaded);
        assert_eq!(before(dir.path(), Some(u64::MAX)), Ok(()));
        assert_eq!(before(dir.path(), None), Ok(()));
        let met = kept(Some(1)).expect_err("one byte");
        assert!(met.loaded && met.limit == 1 && met.needed > 1);
        assert_eq!((kept(None), kept(Some(u64::MAX))), (Ok(()), Ok(())));
        let shown = Refused { needed: 3 << 30, limit: 12 << 30, loaded: true };
        assert_eq!(
            shown.text(false),
            "E0712: the run has come to 3.0 GiB of memory, and --memory allows 12 GiB; allow more, take fewer --threads, or \
             split the casebase"
        );
        assert_eq!(
            shown.text(true),
            "E0712: 推理已用 3.0 GiB 内存，而 --memory 只许 12 GiB；请放宽上限，或减少 --threads，或拆分案件库"
        );
    }

    #[test]
    fn the_narrower_of_the_two() {
        let limits =
            |v: &str| format!("Limit  Soft Limit  Hard Limit  Units\nMax address space  {v}  unlimited  bytes\n");
        let free = "MemTotal:       24 kB\nMemAvailable:       1000 kB\n";
        assert_eq!(least(&limits("unlimited"), free), 1_024_000 / 10 * 9);
        assert_eq!(least(&limits("3000"), free), 1000);
        assert_eq!(least(&limits("unlimited"), ""), usize::MAX);
        assert_eq!(least("", ""), usize::MAX);
    }
}
