//! The distinct texts of a column, by order of appearance, without copying what stands in the file. A column whose values
//! refer to another table begins with the dictionary of the column referred to, which saves most of the looking up: tables
//! usually name things in the order in which the other table lists them.

use crate::engine::value::Word;
use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;

/// A dictionary; number 0 is the empty text.
#[derive(Debug)]
pub(crate) struct Dict<'a> {
    base: Option<Arc<Dict<'a>>>,
    /// Number of the first text that is not in `base`.
    first: u32,
    texts: Texts<'a>,
    table: HashTable<(Key, u32)>,
    bad: Vec<u32>,
    /// Number found last.
    last: u32,
    /// Whether it lay close behind the one before.
    near: bool,
}

/// Numbers that count as close.
const AHEAD: u32 = 12;

/// Texts by number.
#[derive(Debug)]
enum Texts<'a> {
    /// Where they stand in the file.
    Placed(Vec<Cow<'a, str>>),
    /// One after the other, with the ends of each.
    Packed(String, Vec<u32>),
}

impl<'a> Texts<'a> {
    fn len(&self) -> usize {
        match self {
            Self::Placed(texts) => texts.len(),
            Self::Packed(_, ends) => ends.len(),
        }
    }

    #[inline]
    fn get(&self, i: usize) -> Option<&str> {
        match self {
            Self::Placed(texts) => texts.get(i).map(AsRef::as_ref),
            Self::Packed(text, ends) => {
                let from = if i == 0 { 0 } else { *ends.get(i - 1)? as usize };
                text.get(from..*ends.get(i)? as usize)
            }
        }
    }

    fn push(&mut self, text: Cow<'a, str>) {
        match self {
            Self::Placed(texts) => texts.push(text),
            Self::Packed(..) => unreachable!("nothing is read into a copy"),
        }
    }

    /// The same by themselves. Texts of more than 4 GiB are copied one by one.
    fn apart(&self) -> Texts<'static> {
        let all = || (0..self.len()).filter_map(|i| self.get(i));
        let size: usize = all().map(str::len).sum();
        if u32::try_from(size).is_err() {
            return Texts::Placed(all().map(|t| Cow::Owned(t.to_owned())).collect());
        }
        let (mut text, mut ends) = (String::with_capacity(size), Vec::with_capacity(self.len()));
        for t in all() {
            text.push_str(t);
            ends.push(text.len() as u32);
        }
        Texts::Packed(text, ends)
    }
}

/// Dictionaries that stand by themselves, by the address of those of which they are copies.
pub(crate) type Copies = FxHashMap<usize, Arc<Dict<'static>>>;

/// A text as far as the table holds it: short texts whole, so that comparing them touches nothing else; of long ones the
/// hash, which the text itself has to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u64, u64);

impl Key {
    /// Longest text that is held whole; the last byte holds its length, or [`Key::LONG`].
    const SHORT: usize = 15;
    const LONG: u8 = 0xff;

    fn of(text: &str) -> Self {
        let mut bytes = [0u8; 16];
        if text.len() <= Self::SHORT {
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            bytes[15] = text.len() as u8;
        } else {
            bytes[..8].copy_from_slice(&FxBuildHasher.hash_one(text).to_le_bytes());
            bytes[15] = Self::LONG;
        }
        let (a, b) = bytes.split_at(8);
        let word = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("eight bytes"));
        Self(word(a), word(b))
    }

    fn long(self) -> bool {
        self.1 >> 56 == u64::from(Self::LONG)
    }

    fn hash(self) -> u64 {
        FxBuildHasher.hash_one((self.0, self.1))
    }
}

impl<'a> Dict<'a> {
    /// The empty dictionary, or one that begins with the texts of another.
    pub fn new(base: Option<Arc<Dict<'a>>>) -> Self {
        let first = base.as_ref().map_or(0, |b| b.len());
        let mut d = Self {
            base,
            first,
            texts: Texts::Placed(Vec::new()),
            table: HashTable::new(),
            bad: Vec::new(),
            last: 0,
            near: false,
        };
        d.intern(Cow::Borrowed(""));
        d
    }

    /// Number of texts.
    pub fn len(&self) -> u32 {
        self.first + self.texts.len() as u32
    }

    /// The dictionary it begins with.
    pub fn base(&self) -> Option<&Arc<Dict<'a>>> {
        self.base.as_ref()
    }

    /// Texts that are not in `base`.
    pub fn own(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.texts.len()).map(|i| self.texts.get(i).unwrap_or_default())
    }

    /// The texts without the file in which they stand, and without what finds them: one of the copies there are, or a new one.
    pub fn copy(self: &Arc<Self>, copies: &Copies) -> Arc<Dict<'static>> {
        if let Some(copy) = copies.get(&Arc::as_ptr(self).addr()) {
            return Arc::clone(copy);
        }
        let base = self.base.as_ref().map(|b| b.copy(copies));
        let (texts, table) = (self.texts.apart(), HashTable::new());
        Arc::new(Dict { base, first: self.first, texts, table, bad: Vec::new(), last: 0, near: false })
    }

    fn find(&self, key: Key, hash: u64, text: &str) -> Option<u32> {
        if let Some(id) = self.base.as_ref().and_then(|b| b.find(key, hash, text)) {
            return Some(id);
        }
        self.find_own(key, hash, text)
    }

    fn find_own(&self, key: Key, hash: u64, text: &str) -> Option<u32> {
        let same =
            |e: &(Key, u32)| e.0 == key && (!key.long() || self.texts.get((e.1 - self.first) as usize) == Some(text));
        self.table.find(hash, same).map(|e| e.1)
    }

    /// A new number for a text that will be looked for.
    fn add(&mut self, key: Key, hash: u64, text: Cow<'a, str>) -> u32 {
        let id = self.append(text);
        self.table.insert_unique(hash, (key, id), |e| e.0.hash());
        id
    }

    /// Number of a text, and whether it is new.
    pub fn intern(&mut self, text: Cow<'a, str>) -> (Word, bool) {
        if text.is_empty() && self.len() > 0 {
            return (0, false);
        }
        if let Some(base) = self.base.as_ref().filter(|b| b.first == 0) {
            let to = self.last + if self.near { AHEAD } else { 1 };
            if let Some(id) = (self.last..=to).find(|id| base.texts.get(*id as usize) == Some(&text)) {
                self.last = id;
                return (id, false);
            }
        }
        let key = Key::of(&text);
        let hash = key.hash();
        if let Some(id) = self.find(key, hash, &text) {
            self.near = id.wrapping_sub(self.last) <= AHEAD;
            self.last = id;
            return (id, false);
        }
        (self.add(key, hash, text), true)
    }

    /// A new number for a text that is not looked for again.
    pub fn append(&mut self, text: Cow<'a, str>) -> Word {
        let id = self.len();
        assert!(id < u32::MAX, "a file has fewer than 2^32 texts");
        self.texts.push(text);
        id
    }

    /// Number of the first text that is not in the dictionary it begins with.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// Takes over the texts of another that begins with the same dictionary: the number here of each of its own texts. New ones
    /// have the numbers that they would have got one by one.
    pub fn absorb(&mut self, other: Dict<'a>) -> Vec<Word> {
        let mut looked_for = vec![false; other.texts.len()];
        other.table.iter().for_each(|e| looked_for[(e.1 - other.first) as usize] = true);
        self.table.reserve(other.table.len(), |e| e.0.hash());
        let Texts::Placed(texts) = other.texts else { unreachable!("nothing is read into a copy") };
        let number = |(text, looked_for): (Cow<'a, str>, bool)| {
            if !looked_for {
                return self.append(text);
            }
            let key = Key::of(&text);
            let hash = key.hash();
            self.find_own(key, hash, &text).unwrap_or_else(|| self.add(key, hash, text))
        };
        texts.into_iter().zip(looked_for).map(number).collect()
    }

    /// Text of a number.
    pub fn text(&self, id: Word) -> &str {
        match &self.base {
            Some(base) if id < self.first => base.text(id),
            _ => self.texts.get((id - self.first) as usize).expect("a number of the dictionary"),
        }
    }

    /// Notes that the last text is no value of its column.
    pub fn mark_bad(&mut self, id: Word) {
        debug_assert!(self.bad.last().is_none_or(|b| *b < id));
        self.bad.push(id);
    }

    /// Whether the text is no value of its column.
    pub fn is_bad(&self, id: Word) -> bool {
        !self.bad.is_empty() && self.bad.binary_search(&id).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_on_top_of_another() {
        let mut base = Dict::new(None);
        for (i, t) in ["a", "b", "c", "d"].into_iter().enumerate() {
            assert_eq!(base.intern(t.into()), (i as u32 + 1, true));
        }
        assert_eq!(base.intern("b".into()), (2, false));
        assert_eq!(base.intern("".into()), (0, false));
        let mut d = Dict::new(Some(Arc::new(base)));
        let got: Vec<_> =
            ["b", "c", "x", "d", "", "a", "y", "x", "b"].into_iter().map(|t| d.intern(t.into())).collect();
        let want =
            [(2, false), (3, false), (5, true), (4, false), (0, false), (1, false), (6, true), (5, false), (2, false)];
        assert_eq!(got, want);
        assert_eq!(["", "a", "d", "x", "y"], [0, 1, 4, 5, 6].map(|i| d.text(i).to_owned())[..]);
        assert_eq!(d.own().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(d.len(), 7);
        let base = d.base().expect("it has one");
        let copies = Copies::from_iter([(Arc::as_ptr(base).addr(), base.copy(&Copies::default()))]);
        let shared = Arc::new(d);
        let copy = shared.copy(&copies);
        let mut d = Arc::into_inner(shared).expect("not shared any more");
        assert_eq!(["", "a", "d", "x", "y"], [0, 1, 4, 5, 6].map(|i| copy.text(i).to_owned())[..]);
        assert!(copy.base().is_some_and(|b| copies.values().any(|c| Arc::ptr_eq(b, c))));
        // Texts of 15, 16 and more bytes, also with NUL characters, are told apart.
        let long = [
            "123456789012345",
            "1234567890123456",
            "1234567890123457",
            "12345678901234\0",
            "a\0",
            "a\0\0",
            "x".repeat(99).leak(),
        ];
        let first: Vec<_> = long.iter().map(|t| d.intern((*t).into())).collect();
        let again: Vec<_> = long.iter().map(|t| d.intern((*t).into())).collect();
        assert!(first.iter().enumerate().all(|(i, (id, new))| *id == 7 + i as u32 && *new));
        assert!(again.iter().zip(&first).all(|(a, f)| *a == (f.0, false)));
    }

    #[test]
    fn numbers_do_not_depend_on_the_order_in_which_texts_are_looked_for() {
        let mut base = Dict::new(None);
        for i in 0..200 {
            base.intern(format!("c{i}").into());
        }
        let base = Arc::new(base);
        for step in [0, 1, 2, 5, 12, 13, 40, 199] {
            let mut d = Dict::new(Some(Arc::clone(&base)));
            let mut new = 0;
            for i in 0..600usize {
                let n = i / 2 * step % 230;
                let (id, is_new) = d.intern(format!("c{n}").into());
                assert_eq!(d.text(id), format!("c{n}"), "{i}th in steps of {step}");
                assert_eq!(is_new, id as usize == 201 + new && n >= 200, "{i}th in steps of {step}");
                new += usize::from(is_new);
                assert_eq!(d.intern("".into()), (0, false));
            }
        }
    }
}
