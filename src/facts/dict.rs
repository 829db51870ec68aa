//! The distinct texts of a column, by order of appearance, without copying what stands in the file.

use crate::engine::value::Word;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// A dictionary; number 0 is the empty text.
#[derive(Debug)]
pub(crate) struct Dict<'a> {
    texts: Vec<Cow<'a, str>>,
    table: HashTable<u32>,
    bad: Vec<u32>,
}

impl<'a> Dict<'a> {
    pub fn new() -> Self {
        let mut d = Self { texts: Vec::new(), table: HashTable::new(), bad: Vec::new() };
        d.intern(Cow::Borrowed(""));
        d
    }

    /// Number of a text, and whether it is new.
    pub fn intern(&mut self, text: Cow<'a, str>) -> (Word, bool) {
        let hash = FxBuildHasher.hash_one(&*text);
        let texts = &self.texts;
        if let Some(id) = self.table.find(hash, |id| texts[*id as usize] == text) {
            return (*id, false);
        }
        let id = self.append(text);
        let texts = &self.texts;
        self.table.insert_unique(hash, id, |id| FxBuildHasher.hash_one(&*texts[*id as usize]));
        (id, true)
    }

    /// A new number for a text that is not looked for again.
    pub fn append(&mut self, text: Cow<'a, str>) -> Word {
        let id = u32::try_from(self.texts.len()).expect("a file has fewer than 2^32 texts");
        self.texts.push(text);
        id
    }

    pub fn text(&self, id: Word) -> &str {
        &self.texts[id as usize]
    }

    pub fn texts(&self) -> &[Cow<'a, str>] {
        &self.texts
    }

    /// Notes that the last text is no value of its column.
    pub fn mark_bad(&mut self, id: Word) {
        debug_assert!(self.bad.last().is_none_or(|b| *b < id));
        self.bad.push(id);
    }

    pub fn is_bad(&self, id: Word) -> bool {
        !self.bad.is_empty() && self.bad.binary_search(&id).is_ok()
    }
}
