//! "Did you mean ...": the nearest of the known words.

use crate::lang::suggest::distance;

/// Words compare without case, width, and with `-`, `_` and blank alike.
pub(crate) fn fold(text: &str) -> String {
    super::date::ascii_width(text)
        .trim()
        .chars()
        .map(|c| if c == '-' || c == ' ' { '_' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// The known word nearest to `word`, if one is near enough to be meant: at most a third of its characters differ, or
/// one is the beginning of the other. The first wins a tie, so the answer depends on the order of `known` alone.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    // Nobody mistypes a word of that length; and the distance is quadratic.
    if word.is_empty() || word.chars().count() > 80 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for k in known {
        let other = fold(k);
        let longest = word.chars().count().max(other.chars().count());
        let mut d = distance(&word, &other);
        let prefix =
            word.chars().count() >= 4 && other.starts_with(&word) || !other.is_empty() && word.starts_with(&other);
        if d > (longest / 3).max(1) || d >= longest {
            if !prefix {
                continue;
            }
            d = d.max(longest / 3 + 1);
        }
        if best.is_none_or(|(b, _)| d < b) {
            best = Some((d, k));
        }
    }
    best.map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_and_no_far_ones() {
        let known = ["established", "alleged", "refuted"];
        assert_eq!(nearest("estblished", known), Some("established"));
        assert_eq!(nearest("Established ", known), Some("established"));
        assert_eq!(nearest("estab", known), Some("established"));
        assert_eq!(nearest("alegde", known), Some("alleged"));
        assert_eq!(nearest("unknown", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("x", ["a"]), None);
        assert_eq!(nearest("act-date", ["act_date"]), Some("act_date"));
    }
}
