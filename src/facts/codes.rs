//! Code lists: the words of a vocabulary, with their Chinese and English labels.

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

impl CodeLists {
    /// A code of a list.
    #[must_use]
    pub fn find(&self, list: &str, code: &str) -> Option<&Code> {
        self.lists.get(list)?.iter().find(|c| c.code == code)
    }
}
