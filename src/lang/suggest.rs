//! "Did you mean": the nearest of a set of names by edit distance.

/// Number of insertions, deletions, substitutions and swaps of neighbours between two words, in characters.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            row[j + 1] = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

/// The nearest candidate, if it is near enough to be what was meant; the first of several equally near ones.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .filter(|c| *c != word && !c.is_empty())
        .map(|c| {
            // A candidate that begins with the word, or the other way round, is nearer than its distance says.
            let part = c.starts_with(word) || word.starts_with(c);
            let d = distance(word, c);
            (if part && word.chars().count() >= 3 { d.min(limit) } else { d }, c)
        })
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        assert_eq!(distance("承办人", "承办"), 1);
        assert_eq!(distance("ab", "ba"), 1);
        let words = ["quashed", "varied", "upheld"];
        assert_eq!(nearest("quased", words.into_iter()), Some("quashed"));
        assert_eq!(nearest("zzz", words.into_iter()), None);
    }
}
