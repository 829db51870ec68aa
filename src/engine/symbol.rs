//! Interned text: one id per distinct string, in order of first appearance.
//!
//! The table holds a 64-bit tag beside each id. Texts of up to seven bytes are their own tag, so that looking for a short
//! text (most keys and codes are) touches nothing but the table.

use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;
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
    shards: Vec<HashTable<(Tag, u32)>>,
}

/// Texts with their tags beside them.
pub type Tagged<'a> = (&'a [Tag], &'a [Cow<'a, str>]);

/// Parts of the table that can be filled side by side.
const SHARDS: usize = 4;

#[inline]
fn shard(tag: Tag) -> usize {
    (spread(tag) >> 40) as usize % SHARDS
}

impl Default for Symbols {
    fn default() -> Self {
        let mut s = Self { text: String::new(), ends: Vec::new(), shards: vec![HashTable::new(); SHARDS] };
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
        if let Some(e) = self.shards[shard(tag)].find(spread(tag), same) {
            return e.1;
        }
        let id = u32::try_from(self.ends.len()).expect("fewer than 2^32 symbols");
        self.text.push_str(s);
        self.ends.push(self.text.len());
        self.shards[shard(tag)].insert_unique(spread(tag), (tag, id), |e| spread(e.0));
        id
    }

    /// Interns many texts (with their tags), list after list, and gives the ids of each list: the same ids that [`Symbols::intern`] would
    /// give one after the other, found by the threads of the current pool. A list may hold a text more than once.
    ///
    /// # Panics
    /// When more than 2^32 texts are given.
    pub fn extend(&mut self, lists: &[Tagged<'_>]) -> Vec<Vec<u32>> {
        let base = self.ends.len();
        let starts: Vec<usize> = lists
            .iter()
            .scan(base, |at, l| {
                let start = *at;
                *at += l.0.len();
                Some(start)
            })
            .collect();
        let total = starts.last().map_or(base, |s| s + lists[lists.len() - 1].0.len());
        assert!(u32::try_from(total).is_ok(), "fewer than 2^32 texts");
        // A number below `base` is an id; from there on it is a place in the lists. Each shard finds for each of its
        // texts, in order, the number at which that text stood first.
        let (text, ends) = (&self.text, &self.ends);
        let resolve = |n: u32| -> &str {
            if (n as usize) < base {
                return slice(text, ends, n);
            }
            let list = starts.partition_point(|s| *s <= n as usize) - 1;
            &lists[list].1[n as usize - starts[list]]
        };
        let firsts: Vec<Vec<u32>> = self
            .shards
            .par_iter_mut()
            .enumerate()
            .map(|(k, table)| {
                let mut firsts = Vec::with_capacity((total - base) / SHARDS);
                for (list, start) in lists.iter().zip(&starts) {
                    for (i, tag) in list.0.iter().enumerate().filter(|(_, tag)| shard(**tag) == k) {
                        let same = |e: &(Tag, u32)| e.0 == *tag && (!is_long(*tag) || resolve(e.1) == list.1[i]);
                        firsts.push(match table.find(spread(*tag), same) {
                            Some(e) => e.1,
                            None => {
                                let n = (start + i) as u32;
                                table.insert_unique(spread(*tag), (*tag, n), |e| spread(e.0));
                                n
                            }
                        });
                    }
                }
                firsts
            })
            .collect();
        // New texts get their ids in the order of their first places.
        let mut next = [0; SHARDS];
        let mut ids = vec![0u32; total - base];
        for (list, start) in lists.iter().zip(&starts) {
            for (i, tag) in list.0.iter().enumerate() {
                let k = shard(*tag);
                let first = firsts[k][next[k]] as usize;
                next[k] += 1;
                let n = start + i;
                ids[n - base] = if first == n {
                    self.text.push_str(&list.1[i]);
                    self.ends.push(self.text.len());
                    (self.ends.len() - 1) as u32
                } else if first < base {
                    first as u32
                } else {
                    ids[first - base]
                };
            }
        }
        self.shards.par_iter_mut().for_each(|table| {
            table.iter_mut().filter(|e| e.1 as usize >= base).for_each(|e| e.1 = ids[e.1 as usize - base]);
        });
        lists.iter().zip(&starts).map(|(l, s)| ids[s - base..s - base + l.0.len()].to_vec()).collect()
    }

    /// Id of a text that is already interned.
    #[must_use]
    pub fn get(&self, s: &str) -> Option<u32> {
        let tag = tag(s);
        let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || self.resolve(e.1) == s);
        self.shards[shard(tag)].find(spread(tag), same).map(|e| e.1)
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
    fn many_texts_get_the_ids_of_one_by_one() {
        let texts: Vec<String> = (0..4000).map(|i| format!("text {}", (i * 7) % 1500)).collect();
        let (mut one, mut many) = (Symbols::default(), Symbols::default());
        for s in ["text 3", "a", "text 1400"] {
            assert_eq!(one.intern(s), many.intern(s));
        }
        let tags: Vec<Tag> = texts.iter().map(|t| tag(t)).collect();
        let given: Vec<Cow<'_, str>> = texts.iter().map(|t| Cow::Borrowed(t.as_str())).collect();
        let part = |r: std::ops::Range<usize>| (&tags[r.clone()], &given[r]);
        let ids = many.extend(&[part(0..10), part(10..10), part(10..2500), part(2500..4000)]).concat();
        let want: Vec<u32> = texts.iter().map(|t| one.intern(t)).collect();
        assert_eq!(ids, want);
        assert!(texts.iter().all(|t| many.get(t) == one.get(t)));
        assert_eq!((many.len(), many.intern("new")), (one.len(), one.intern("new")));
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
