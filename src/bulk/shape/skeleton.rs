//! Skeletons, each kept once, with what makes one better than another.

use crate::lang::program::{RelId, RuleId};
use crate::rulebook::Rulebook;
use rustc_hash::{FxHashMap, FxHashSet};

/// A hash that depends on what a skeleton says alone, not on the order in which skeletons were met.
type Digest = [u8; 16];

/// What leads to a row; premises by number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Skeleton {
    Given(RelId),
    Step(RuleId, Box<[u32]>),
}

/// How near the ground, and how large.
pub(super) type Height = (u32, u64);

/// How near the ground, how large, and what it is: the first is taken.
type Rank = (u32, u64, Digest);

#[derive(Debug)]
pub(super) struct Skeletons<'a> {
    book: &'a Rulebook,
    known: FxHashMap<Skeleton, u32>,
    list: Vec<(Skeleton, Rank)>,
}

impl<'a> Skeletons<'a> {
    pub(super) fn new(book: &'a Rulebook) -> Self {
        Self { book, known: FxHashMap::default(), list: Vec::new() }
    }

    fn rank(&self, s: &Skeleton) -> Rank {
        let mut hasher = blake3::Hasher::new();
        let (mut level, mut size) = (0, 1u64);
        match s {
            Skeleton::Given(rel) => {
                hasher.update(b"given ");
                hasher.update(self.book.program.rel(*rel).name.as_bytes());
            }
            Skeleton::Step(rule, below) => {
                hasher.update(b"step ");
                hasher.update(self.book.rules[rule.index()].id.as_bytes());
                let mut ranks: Vec<&Rank> = below.iter().map(|b| &self.list[*b as usize].1).collect();
                ranks.sort_by_key(|r| r.2);
                level = 1;
                for r in ranks {
                    hasher.update(&r.2);
                    level = level.max(r.0 + 1);
                    size = size.saturating_add(r.1);
                }
            }
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        (level, size, digest)
    }

    /// The number of a step with these premises.
    pub(super) fn step(&mut self, rule: RuleId, mut below: Vec<u32>) -> u32 {
        below.sort_unstable();
        below.dedup();
        self.number(Skeleton::Step(rule, below.into()))
    }

    pub(super) fn number(&mut self, s: Skeleton) -> u32 {
        if let Some(n) = self.known.get(&s) {
            return *n;
        }
        let n = self.list.len() as u32;
        let rank = self.rank(&s);
        self.list.push((s.clone(), rank));
        self.known.insert(s, n);
        n
    }

    pub(super) fn height(&self, a: u32) -> Height {
        let (level, size, _) = self.list[a as usize].1;
        (level, size)
    }

    /// Whether the first of two is taken.
    pub(super) fn better(&self, a: u32, b: u32) -> bool {
        self.list[a as usize].1 < self.list[b as usize].1
    }

    /// The stable name of a skeleton (the first 12 hexadecimal digits of its digest) and its rules from the top down.
    pub(super) fn describe(&self, number: u32) -> (String, Vec<RuleId>) {
        let mut rules = Vec::new();
        let mut queue = std::collections::VecDeque::from([number]);
        let mut reached = FxHashSet::from_iter([number]);
        while let Some(n) = queue.pop_front() {
            if let (Skeleton::Step(rule, below), _) = &self.list[n as usize] {
                if !rules.contains(rule) {
                    rules.push(*rule);
                }
                let mut below: Vec<u32> = below.iter().copied().filter(|b| reached.insert(*b)).collect();
                below.sort_by_key(|b| self.list[*b as usize].1.2);
                queue.extend(below);
            }
        }
        let digest = self.list[number as usize].1.2;
        (digest.iter().take(6).map(|b| format!("{b:02x}")).collect(), rules)
    }
}
