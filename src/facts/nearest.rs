//! "Did you mean ...": the nearest of the known words.

use crate::lang::suggest::distance;

/// Words compare without case, width, and with `-`, `_` and blank alike.
pub(crate) fn fold(text: &str) -> String {
    super::normal::plain(text)
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

/// The known name that was probably meant. Names made by counting differ in their digits on purpose, so the digits must
/// agree; and if two names are equally near, nobody can tell.
pub(crate) fn meant_name<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    let (folded, own) = (fold(word), digits(&fold(word)));
    let limit = (folded.chars().count() / 3).max(1);
    if folded.is_empty() || folded.chars().count() > 80 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let mut tie = false;
    for k in known {
        let other = fold(k);
        if digits(&other) != own || other.chars().count().abs_diff(folded.chars().count()) > limit {
            continue;
        }
        let d = distance(&folded, &other);
        if d > limit || d >= folded.chars().count() {
            continue;
        }
        match best {
            Some((b, name)) if d == b => tie |= name != k,
            Some((b, _)) if d > b => {}
            _ => (best, tie) = (Some((d, k)), false),
        }
    }
    best.filter(|_| !tie).map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_by_counting_are_not_mistaken_for_each_other() {
        let known = ["case_12", "case_21", "case_x", "Zhang", "Zheng", "Wang"];
        assert_eq!(meant_name("Case-12", known), Some("case_12"));
        assert_eq!(meant_name("case_13", known), None);
        assert_eq!(meant_name("cas_21", known), Some("case_21"));
        assert_eq!(meant_name("Zhong", known), None);
        assert_eq!(meant_name("Wan", known), Some("Wang"));
        assert_eq!(meant_name("p", ["q"]), None);
    }

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
