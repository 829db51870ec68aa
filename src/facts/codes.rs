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
    /// Further words for it, beside the labels.
    pub aliases: Vec<String>,
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
        Self { code: code.into(), zh: zh.into(), en: en.into(), aliases: Vec::new(), derived: false }
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

/// Everyday words for yes and no, accepted where the list is that of yes and no.
const YES: [&str; 8] = ["y", "true", "t", "1", "是", "有", "对", "√"];
const NO: [&str; 9] = ["n", "false", "f", "0", "否", "无", "没有", "不是", "×"];

/// A label without the explanation in brackets behind it, folded.
fn head(label: &str) -> String {
    let folded = nearest::fold(label);
    folded.split('(').next().unwrap_or("").trim_end_matches('_').to_owned()
}

impl Code {
    /// Whether a folded text is one of its words: the code itself, a label, a label without what stands in brackets behind
    /// it, a further word.
    fn called(&self, folded: &str) -> bool {
        let labels = [&self.zh, &self.en].into_iter().filter(|l| !l.is_empty());
        nearest::fold(&self.code) == folded
            || labels.into_iter().any(|l| nearest::fold(l) == folded || head(l) == folded)
            || self.aliases.iter().any(|a| nearest::fold(a) == folded)
    }
}

impl CodeLists {
    /// The code of a list for which a text stands that is not the code itself: its label, in whatever width and case. A word
    /// of several codes stands for none.
    #[must_use]
    pub fn accepted(&self, list: &str, text: &str) -> Option<&Code> {
        let codes = self.lists.get(list)?;
        let folded = nearest::fold(text);
        if folded.is_empty() {
            return None;
        }
        if let Some(c) = codes.iter().find(|c| nearest::fold(&c.code) == folded) {
            return Some(c);
        }
        let mut called = codes.iter().filter(|c| c.called(&folded));
        if let Some(first) = called.next() {
            return called.next().is_none().then_some(first);
        }
        if codes.len() != 2 {
            return None;
        }
        let (yes, no) = (self.find(list, "yes")?, self.find(list, "no")?);
        match folded.as_str() {
            f if YES.contains(&f) => Some(yes),
            f if NO.contains(&f) => Some(no),
            _ => None,
        }
    }

    /// The code of a list that was probably meant by a text that stands for none: the nearest by edit distance, by its code
    /// or by its label.
    #[must_use]
    pub fn meant(&self, list: &str, text: &str) -> Option<&Code> {
        let codes = self.lists.get(list)?;
        let may = || codes.iter().filter(|c| !c.derived);
        let folded = nearest::fold(text);
        let mut called = may().filter(|c| c.called(&folded));
        if let Some(c) = called.next() {
            return called.next().is_none().then_some(c);
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
    fn accepted_by_label_and_meant_by_distance() {
        let mut lists = CodeLists::default();
        lists.add("colour", Code::new("dark_red", "深红（含酒红）", "dark red (wine)"));
        lists.add("colour", Code::new("green", "绿", "green"));
        lists.add("colour", Code { derived: true, ..Code::new("any", "任一", "any") });
        lists.add("yes_no", Code::new("yes", "是", "yes"));
        lists.add("yes_no", Code::new("no", "否", "no"));
        lists.add("colour", Code::new("red_a", "红（一）", "red"));
        lists.add("colour", Code { aliases: vec!["朱".into()], ..Code::new("red_b", "红（二）", "red") });
        let word = |c: Option<&Code>| c.map(|c| c.code.as_str()).unwrap_or("-").to_owned();
        let accepted = |list: &str, text: &str| word(lists.accepted(list, text));
        for (text, want) in [
            ("绿", "green"),
            ("深红", "dark_red"),
            ("深红(含酒红)", "dark_red"),
            ("Dark Red", "dark_red"),
            ("ＧＲＥＥＮ", "green"),
            ("朱", "red_b"),
            ("红（一）", "red_a"),
            ("红", "-"),
            ("gren", "-"),
            ("任一", "any"),
            ("是", "-"),
            ("", "-"),
        ] {
            assert_eq!(accepted("colour", text), want, "{text}");
        }
        for (text, want) in
            [("是", "yes"), ("有", "yes"), ("１", "yes"), ("FALSE", "no"), ("0", "no"), ("无", "no"), ("maybe", "-")]
        {
            assert_eq!(accepted("yes_no", text), want, "{text}");
        }
        let meant = |text: &str| word(lists.meant("colour", text));
        assert_eq!([meant("gren"), meant("任一"), meant("purple"), meant("红")], ["green", "-", "-", "-"]);
    }
}
