//! Code lists: the words of a vocabulary, with their Chinese and English labels.

use super::nearest;
use std::collections::BTreeMap;

/// A code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// As it stands in tables.
    pub code: String,
    /// Chinese label.
    pub zh: String,
    /// English label.
    pub en: String,
    /// Only rules derive it: it may not be entered.
    pub derived: bool,
}

/// Code lists by name, codes in the order of the vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeLists {
    /// The lists.
    pub lists: BTreeMap<String, Vec<Code>>,
}

impl Code {
    /// A code that may be entered.
    #[must_use]
    pub fn new(code: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code: code.into(), zh: zh.into(), en: en.into(), derived: false }
    }
}

impl CodeLists {
    /// Adds a code to a list, which begins with it if it is new.
    pub fn add(&mut self, list: &str, code: Code) {
        self.lists.entry(list.to_owned()).or_default().push(code);
    }

    /// A code of a list.
    #[must_use]
    pub fn find(&self, list: &str, code: &str) -> Option<&Code> {
        self.lists.get(list)?.iter().find(|c| c.code == code)
    }
}

/// Everyday words for yes and no, offered where the list is that of yes and no.
const YES: [&str; 8] = ["y", "true", "t", "1", "是", "有", "对", "√"];
const NO: [&str; 9] = ["n", "false", "f", "0", "否", "无", "没有", "不是", "×"];

impl CodeLists {
    /// The code of a list that was probably meant: whose label was written, else the nearest by edit distance.
    #[must_use]
    pub fn meant(&self, list: &str, text: &str) -> Option<&Code> {
        let codes = self.lists.get(list)?;
        let folded = nearest::fold(text);
        let may = || codes.iter().filter(|c| !c.derived);
        if let Some(c) = may().find(|c| nearest::fold(&c.code) == folded) {
            return Some(c);
        }
        // A label may carry an explanation in brackets.
        let head = |label: &str| {
            let folded = nearest::fold(label);
            folded.split(['(', '\u{ff08}']).next().unwrap_or("").trim_end_matches('_').to_owned()
        };
        let labelled = |c: &&Code| {
            [&c.zh, &c.en].into_iter().any(|l| !l.is_empty() && (nearest::fold(l) == folded || head(l) == folded))
        };
        if let Some(c) = may().find(labelled) {
            return Some(c);
        }
        let everyday = if YES.contains(&folded.as_str()) {
            self.find(list, "yes")
        } else if NO.contains(&folded.as_str()) {
            self.find(list, "no")
        } else {
            None
        };
        if everyday.is_some() {
            return everyday;
        }
        if let Some(near) = nearest::nearest(text, may().map(|c| c.code.as_str())) {
            return self.find(list, near);
        }
        let near = nearest::nearest(text, may().flat_map(|c| [c.zh.as_str(), c.en.as_str()]))?;
        may().find(|c| c.zh == near || c.en == near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meant_by_label_by_distance_and_by_everyday_word() {
        let mut lists = CodeLists::default();
        lists.add("colour", Code::new("dark_red", "深红（含酒红）", "dark red (wine)"));
        lists.add("colour", Code::new("green", "绿", "green"));
        lists.add("colour", Code { code: "any".into(), zh: "任一".into(), en: "any".into(), derived: true });
        lists.add("yes_no", Code::new("yes", "是", "yes"));
        lists.add("yes_no", Code::new("no", "否", "no"));
        let meant = |list: &str, text: &str| lists.meant(list, text).map(|c| c.code.as_str()).unwrap_or("-").to_owned();
        assert_eq!(meant("colour", "绿"), "green");
        assert_eq!(meant("colour", "深红"), "dark_red");
        assert_eq!(meant("colour", "Dark Red"), "dark_red");
        assert_eq!(meant("colour", "gren"), "green");
        assert_eq!(meant("colour", "任一"), "-");
        assert_eq!(meant("colour", "purple"), "-");
        assert_eq!(meant("yes_no", "是"), "yes");
        assert_eq!(meant("yes_no", "FALSE"), "no");
        assert_eq!(meant("yes_no", "0"), "no");
        assert_eq!(meant("yes_no", "maybe"), "-");
    }
}
