//! Interned text: one id per distinct string, in order of first appearance.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// The symbol table of a run. Ids are dense, from 0; id 0 is always the empty string.
#[derive(Clone)]
pub struct Symbols {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: FxBuildHasher,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut s = Self { text: String::new(), ends: Vec::new(), table: HashTable::new(), hasher: FxBuildHasher };
        s.intern("");
        s
    }
}

impl std::fmt::Debug for Symbols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Symbols({})", self.len())
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], id: u32) -> &'a str {
    let i = id as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &text[start..ends[i]]
}

impl Symbols {
    /// Id of a text, new if unseen.
    ///
    /// # Panics
    /// When more than 2^32 distinct texts are interned.
    pub fn intern(&mut self, s: &str) -> u32 {
        let hash = self.hasher.hash_one(s);
        let (text, ends, hasher) = (&self.text, &self.ends, self.hasher);
        if let Some(id) = self.table.find(hash, |id| slice(text, ends, *id) == s) {
            return *id;
        }
        let id = u32::try_from(self.ends.len()).expect("fewer than 2^32 symbols");
        self.text.push_str(s);
        self.ends.push(self.text.len());
        let (text, ends) = (&self.text, &self.ends);
        self.table.insert_unique(hash, id, |id| hasher.hash_one(slice(text, ends, *id)));
        id
    }

    /// Id of a text that is already interned.
    #[must_use]
    pub fn get(&self, s: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(s);
        self.table.find(hash, |id| self.resolve(*id) == s).copied()
    }

    /// Text of an id.
    #[must_use]
    pub fn resolve(&self, id: u32) -> &str {
        slice(&self.text, &self.ends, id)
    }

    /// Number of distinct texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never true: the empty text is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_same_id() {
        let mut s = Symbols::default();
        let a = s.intern("承办人");
        assert_eq!(s.intern(""), 0);
        assert_eq!(s.intern("承办人"), a);
        assert_eq!(s.resolve(a), "承办人");
        assert_eq!(s.get("x"), None);
        for i in 0..1000 {
            s.intern(&i.to_string());
        }
        assert_eq!(s.get("999"), Some(1001));
    }
}
