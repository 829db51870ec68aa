//! Interned text: one id per distinct string, in order of first appearance.
//!
//! The table holds a 64-bit tag beside each id. Texts of up to seven bytes are their own tag, so that looking for a short
//! text (most keys and codes are) touches nothing but the table.

use super::texts;
use super::value::{self, Word};
use crate::lang::program::{Column, Const, Prim};
use hashbrown::HashTable;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

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
///
/// A table may stand over another one that is shared: it then holds only what was interned since, with ids that go on from
/// there. The first [`Symbols::ordered`] ids may be in the order of their texts.
#[derive(Clone)]
pub struct Symbols {
    below: Option<Arc<Symbols>>,
    /// Number of texts of `below`.
    base: usize,
    ordered: usize,
    text: String,
    ends: Vec<usize>,
    shards: Vec<HashTable<(Tag, u32)>>,
}

/// Texts with their tags beside them.
pub type Tagged<'a> = (&'a [Tag], &'a [Cow<'a, str>]);

/// Texts that are put in order at a time.
const PIECE: usize = 1 << 16;

/// A table is gone through for what is new in it if it is no larger than so many times the texts looked up.
const FEW_NEW: usize = 4;

/// Parts of the table that can be filled side by side.
const SHARDS: usize = 4;

#[inline]
fn shard(tag: Tag) -> usize {
    (spread(tag) >> 40) as usize % SHARDS
}

impl Default for Symbols {
    fn default() -> Self {
        let mut s = Self::nothing();
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
    fn nothing() -> Self {
        let shards = vec![HashTable::new(); SHARDS];
        Self { below: None, base: 0, ordered: 0, text: String::new(), ends: Vec::new(), shards }
    }

    /// An empty table over a shared one.
    #[must_use]
    pub fn over(below: &Arc<Symbols>) -> Self {
        Self { base: below.len(), ordered: below.ordered, below: Some(below.clone()), ..Self::nothing() }
    }

    /// Gives the table away to be shared; an empty one over it takes its place.
    pub fn share(&mut self) -> Arc<Symbols> {
        let shared = Arc::new(std::mem::replace(self, Self::nothing()));
        *self = Self::over(&shared);
        shared
    }

    /// Takes back the table below, if nobody else holds it, with all texts interned since.
    #[must_use]
    pub fn own(mut self) -> Self {
        let Some(below) = self.below.take() else { return self };
        match Arc::try_unwrap(below) {
            Ok(mut below) => {
                for id in 0..self.ends.len() as u32 {
                    below.intern(slice(&self.text, &self.ends, id));
                }
                below.own()
            }
            Err(below) => Self { below: Some(below), ..self },
        }
    }

    /// Number of leading ids that are in the order of their texts.
    #[must_use]
    pub fn ordered(&self) -> usize {
        self.ordered
    }

    /// Ids in the order of the bytes of their texts, sorted by the threads of the current pool.
    #[must_use]
    pub fn by_text(&self, ids: impl Iterator<Item = u32>) -> Vec<u32> {
        texts::sort(ids, &|id| self.resolve(id))
    }

    /// Gives all texts new ids in the order of their bytes, and the new id of every old one.
    pub fn sort(&mut self) -> Vec<u32> {
        let order = self.by_text(0..self.len() as u32);
        let mut sorted = Self::nothing();
        sorted.text.reserve_exact(self.text.len());
        sorted.ends.reserve_exact(order.len());
        let piece = |order: &[u32]| {
            let (mut text, mut ends) = (String::new(), Vec::with_capacity(order.len()));
            for old in order {
                text.push_str(self.resolve(*old));
                ends.push(text.len());
            }
            (text, ends)
        };
        // Where a text stands says nothing of where the next one does: most time goes by waiting for memory.
        let at_once = PIECE * rayon::current_num_threads();
        for orders in order.chunks(at_once) {
            let pieces: Vec<_> = orders.par_chunks(PIECE).map(piece).collect();
            for (text, ends) in pieces {
                let from = sorted.text.len();
                sorted.text.push_str(&text);
                sorted.ends.extend(ends.into_iter().map(|e| from + e));
            }
        }
        let mut ids = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| ids[*old as usize] = new as u32);
        let mut table = Self { base: 0, below: None, ..std::mem::replace(self, Self::nothing()) };
        let seen: usize = table.shards.iter().map(HashTable::len).sum();
        if seen == ids.len() {
            table.shards.par_iter_mut().for_each(|t| t.iter_mut().for_each(|e| e.1 = ids[e.1 as usize]));
            sorted.shards = table.shards;
        } else {
            for id in 0..ids.len() as u32 {
                let tag = tag(slice(&sorted.text, &sorted.ends, id));
                sorted.shards[shard(tag)].insert_unique(spread(tag), (tag, id), |e| spread(e.0));
            }
        }
        sorted.ordered = ids.len();
        *self = sorted;
        ids
    }

    /// Compares two ids by their texts.
    #[must_use]
    pub fn compare(&self, a: u32, b: u32) -> Ordering {
        if (a as usize) < self.ordered && (b as usize) < self.ordered {
            a.cmp(&b)
        } else {
            self.resolve(a).cmp(self.resolve(b))
        }
    }

    /// Compares two rows of those columns by what they show.
    #[must_use]
    pub fn compare_rows(&self, columns: &[Column], a: &[Word], b: &[Word]) -> Ordering {
        let one = |(column, (a, b)): (&Column, (&Word, &Word))| match column.prim {
            Prim::Symbol => self.compare(*a, *b),
            _ => a.cmp(b),
        };
        columns.iter().zip(a.iter().zip(b)).map(one).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    }

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
        let (text, ends, base) = (&self.text, &self.ends, self.base as u32);
        if let Some(id) = self.below.as_ref().and_then(|b| b.find(tag, s)) {
            return id;
        }
        let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || slice(text, ends, e.1 - base) == s);
        if let Some(e) = self.shards[shard(tag)].find(spread(tag), same) {
            return e.1;
        }
        let id = u32::try_from(self.len()).expect("fewer than 2^32 symbols");
        self.text.push_str(s);
        self.ends.push(self.text.len());
        self.shards[shard(tag)].insert_unique(spread(tag), (tag, id), |e| spread(e.0));
        id
    }

    /// Interns many texts (with their tags), list after list, and gives the ids of each list: the same ids that [`Symbols::intern`] would
    /// give one after the other, found by the threads of the current pool. A list may hold a text more than once. Not for a
    /// table over another one.
    ///
    /// # Panics
    /// When more than 2^32 texts are given.
    pub fn extend(&mut self, lists: &[Tagged<'_>]) -> Vec<Vec<u32>> {
        assert!(self.below.is_none(), "lists go into a table of its own");
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
        self.shards.par_iter_mut().zip(&firsts).enumerate().for_each(|(k, (table, firsts))| {
            // A table that grows list by list is not gone through for each.
            if firsts.len() * FEW_NEW >= table.len() {
                table.iter_mut().filter(|e| e.1 as usize >= base).for_each(|e| e.1 = ids[e.1 as usize - base]);
                return;
            }
            let places = lists.iter().zip(&starts).flat_map(|(l, start)| l.0.iter().zip(*start as u32..));
            for ((tag, n), _) in
                places.filter(|(tag, _)| shard(**tag) == k).zip(firsts).filter(|((_, n), first)| n == *first)
            {
                // An id is no larger than the place that it comes from, so none stands for a place further on.
                if let Some(e) = table.find_mut(spread(*tag), |e| e.1 == n) {
                    e.1 = ids[n as usize - base];
                }
            }
        });
        lists.iter().zip(&starts).map(|(l, s)| ids[s - base..s - base + l.0.len()].to_vec()).collect()
    }

    /// Word of a constant, its text interned.
    pub fn word(&mut self, c: &Const) -> Word {
        match c {
            Const::Symbol(s) => self.intern(s),
            Const::Number(n) => value::from_number(*n),
            Const::Unsigned(u) => *u,
            Const::Float(f) => value::from_float(*f),
        }
    }

    /// Id of a text that is already interned.
    #[must_use]
    pub fn get(&self, s: &str) -> Option<u32> {
        self.find(tag(s), s)
    }

    fn find(&self, tag: Tag, s: &str) -> Option<u32> {
        let same = |e: &(Tag, u32)| e.0 == tag && (!is_long(tag) || self.resolve(e.1) == s);
        let below = self.below.as_ref().and_then(|b| b.find(tag, s));
        below.or_else(|| self.shards[shard(tag)].find(spread(tag), same).map(|e| e.1))
    }

    /// Text of an id.
    #[must_use]
    pub fn resolve(&self, id: u32) -> &str {
        match &self.below {
            Some(below) if (id as usize) < self.base => below.resolve(id),
            _ => slice(&self.text, &self.ends, id - self.base as u32),
        }
    }

    /// Number of distinct texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.base + self.ends.len()
    }

    /// Never true: the empty text is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
    fn a_table_over_another_goes_on_and_comes_back() {
        let mut s = Symbols::default();
        let (b, a) = (s.intern("beta, a long text"), s.intern("alpha"));
        let below = s.share();
        let (mut one, mut two) = (Symbols::over(&below), Symbols::over(&below));
        assert_eq!((one.intern("alpha"), one.intern("new"), two.intern("other text, long")), (a, 3, 3));
        assert_eq!((one.resolve(b), one.resolve(3), two.resolve(3)), ("beta, a long text", "new", "other text, long"));
        assert_eq!((one.get("new"), two.get("new"), s.len(), one.len()), (Some(3), None, 3, 4));
        drop((one, below, s));
        let mut back = two.own();
        assert_eq!((back.len(), back.get("other text, long"), back.get("alpha")), (4, Some(3), Some(a)));
        assert_eq!(back.sort(), [0, 2, 1, 3]);
        let texts: Vec<&str> = (0..4).map(|i| back.resolve(i)).collect();
        assert_eq!(texts, ["", "alpha", "beta, a long text", "other text, long"]);
        assert!(texts.iter().enumerate().all(|(i, t)| back.get(t) == Some(i as u32)));
        let z = back.intern("a");
        assert_eq!((back.ordered(), z, back.compare(z, 1), back.compare(1, 2)), (4, 4, Ordering::Less, Ordering::Less));
        assert_eq!(back.compare(1, z), Ordering::Greater);
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
        // Few texts for a large table, some of them new, one of these twice.
        let more = ["text 9", "b", "text 1499", "c, which is longer", "b", "a"];
        let tags: Vec<Tag> = more.iter().map(|t| tag(t)).collect();
        let given = more.map(Cow::Borrowed);
        let ids = many.extend(&[(&tags[..2], &given[..2]), (&tags[2..], &given[2..])]).concat();
        assert_eq!(ids, more.map(|t| one.intern(t)));
        assert!(texts.iter().map(String::as_str).chain(more).all(|t| many.get(t) == one.get(t)));
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
