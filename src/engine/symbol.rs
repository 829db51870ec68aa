//! Interned text: one id per distinct string, in order of first appearance.
//!
//! The table holds a 64-bit tag beside each id. Texts of up to seven bytes are their own tag, so that looking for a short
//! text (most keys and codes are) touches nothing but the table.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// A fingerprint of a text: two texts of at most [`SHORT`] bytes have the same tag only if they are equal.
pub type Tag = u64;

/// Longest text that its tag holds whole.
pub const SHORT: usize = 7;

const LONG: Tag = 0xff << 56;

/// Tag of a text.
#[inline]
#[must_use]
pub fn tag(s: &str) -> Tag {
    let b = s.as_bytes();
    if b.len() <= SHORT {
        let mut word = [0; 8];
        word[..b.len()].copy_from_slice(b);
        word[7] = b.len() as u8;
        Tag::from_le_bytes(word)
    } else {
        FxBuildHasher.hash_one(b) | LONG
    }
}

/// Hash of a tag for a table of tags.
#[inline]
#[must_use]
pub fn spread(tag: Tag) -> u64 {
    (tag ^ (tag >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(27)
}

/// Whether texts of equal tags still have to be compared.
#[inline]
#[must_use]
pub fn is_long(tag: Tag) -> bool {
    tag & LONG == LONG
}

/// The symbol table of a run. Ids are dense, from 0; id 0 is always the empty string.
#[derive(Clone)]
pub struct Symbols {
    text: String,
    ends: Vec<usize>,
    table: HashTable<(Tag, u32)>,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut s = Self { text: String::new(), ends: Vec::new(), table: HashTable::new() };
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
        self.intern_tagged(tag(s), s)
    }

    /// [`Symbols::intern`] of a text whose tag is known.
    ///
    /// # Panics
    /// When more than 2^32 distinct texts are interned.
    pub fn intern_tagged(&mut self, tag: Tag, s: &str) -> u32 {
        let (text, ends) = (&self.text, &self.ends);
        let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || slice(text, ends, e.1) == s);
        if let Some(e) = self.table.find(spread(tag), same) {
            return e.1;
        }
        let id = u32::try_from(self.ends.len()).expect("fewer than 2^32 symbols");
        self.text.push_str(s);
        self.ends.push(self.text.len());
        self.table.insert_unique(spread(tag), (tag, id), |e| spread(e.0));
        id
    }

    /// Makes room for so many further texts.
    pub fn reserve(&mut self, texts: usize) {
        self.ends.reserve(texts);
        self.table.reserve(texts, |e| spread(e.0));
    }

    /// Id of a text that is already interned.
    #[must_use]
    pub fn get(&self, s: &str) -> Option<u32> {
        let tag = tag(s);
        let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || self.resolve(e.1) == s);
        self.table.find(spread(tag), same).map(|e| e.1)
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

    #[test]
    fn short_texts_are_told_apart_by_their_tags() {
        let texts = ["", "\0", "\0\0", "a", "a\0", "abcdefg", "abcdefgh", "中文", "中文字"];
        let mut s = Symbols::default();
        let ids: Vec<u32> = texts.iter().map(|t| s.intern(t)).collect();
        assert_eq!(ids, (0..texts.len() as u32).collect::<Vec<_>>());
        assert!(texts.iter().zip(&ids).all(|(t, i)| s.get(t) == Some(*i) && s.resolve(*i) == *t));
        assert!(texts.iter().all(|t| is_long(tag(t)) == (t.len() > SHORT)));
    }
}
