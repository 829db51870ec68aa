//! How much memory a run may use before it is better stopped by name than by the system.

use std::fs;

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
