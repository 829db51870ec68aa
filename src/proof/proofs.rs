//! The k smallest proofs of every fact of a record, and minimal supports.
//!
//! Both go over facts in an order in which premises come first, without recursion. Proofs are taken over kept instances (see
//! [`super::rank`]), so no proof contains itself; supports over all instances, as a set of given facts can be minimal through
//! a step that ranks leave out.

use super::rank::Ranks;
use super::record::{Fact, FactId, Record};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

/// One proof of a fact: the instance of its last step, and which proof of each premise it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// Index into [`Record::instances`]; `None` when the fact is given.
    pub instance: Option<u32>,
    /// By premise of the instance: index among the premise's own derivations.
    pub premises: Vec<u32>,
    /// Facts, steps and tests, shared parts counted each time.
    pub size: u128,
    /// Rule steps, one above the other.
    pub levels: u32,
}

/// The smallest proofs of each fact, smallest first.
#[derive(Clone, Debug)]
pub struct Smallest(Vec<Vec<Derivation>>);

/// A proof not yet taken: size, place of the instance among those of the fact, proofs of its premises.
type Candidate = Reverse<(u128, usize, Vec<u32>)>;

impl Smallest {
    /// Finds up to `k` proofs of every fact. `tests` is the number of nodes of an instance beside itself and its facts.
    #[must_use]
    pub fn of(record: &Record, ranks: &Ranks, k: usize, tests: &dyn Fn(u32) -> usize) -> Self {
        let mut order: Vec<usize> = (0..record.facts.len()).filter(|f| ranks.level[*f].is_some()).collect();
        order.sort_by_key(|f| (ranks.rank[*f], *f));
        let mut out = Self(vec![Vec::new(); record.facts.len()]);
        for f in order {
            out.0[f] = out.smallest(record, ranks, f, k, tests);
        }
        out
    }

    fn smallest(
        &self,
        record: &Record,
        ranks: &Ranks,
        f: usize,
        k: usize,
        tests: &dyn Fn(u32) -> usize,
    ) -> Vec<Derivation> {
        let fact = &record.facts[f];
        let mut found = Vec::new();
        if fact.given {
            found.push(Derivation { instance: None, premises: Vec::new(), size: 1, levels: 0 });
        }
        let cost = |at: usize, choice: &[u32]| {
            let i = fact.by[at];
            let parts = record.instances[i as usize].premises.iter().zip(choice);
            parts.fold(2 + tests(i) as u128, |sum, ((_, p), c)| sum.saturating_add(self.0[p.index()][*c as usize].size))
        };
        let mut heap: BinaryHeap<Candidate> = BinaryHeap::new();
        let mut seen: HashSet<(usize, Vec<u32>)> = HashSet::new();
        for (at, i) in fact.by.iter().enumerate().filter(|(_, i)| ranks.kept[**i as usize]) {
            let premises = &record.instances[*i as usize].premises;
            if premises.iter().all(|(_, p)| !self.0[p.index()].is_empty()) {
                let first = vec![0; premises.len()];
                heap.push(Reverse((cost(at, &first), at, first)));
            }
        }
        while found.len() < k {
            let Some(Reverse((size, at, choice))) = heap.pop() else { break };
            let i = fact.by[at];
            let premises = &record.instances[i as usize].premises;
            let below = premises.iter().zip(&choice).map(|((_, p), c)| self.0[p.index()][*c as usize].levels);
            let levels = below.max().unwrap_or(0) + 1;
            for slot in 0..choice.len() {
                let mut next = choice.clone();
                next[slot] += 1;
                let is_there = self.0[premises[slot].1.index()].len() > next[slot] as usize;
                if is_there && seen.insert((at, next.clone())) {
                    heap.push(Reverse((cost(at, &next), at, next)));
                }
            }
            found.push(Derivation { instance: Some(i), premises: choice, size, levels });
        }
        found
    }

    /// The proofs of a fact.
    #[must_use]
    pub fn get(&self, f: FactId) -> &[Derivation] {
        &self.0[f.index()]
    }
}

/// Minimal sets of given facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supports {
    /// By size, then by facts; no set contains another.
    pub sets: Vec<Vec<FactId>>,
    /// Whether a bound was met, so that sets may be missing.
    pub cut: bool,
}

impl Supports {
    /// Takes a set in unless one of its subsets is there; drops its supersets. False when nothing changed.
    fn insert(&mut self, set: Vec<FactId>, most: usize) -> bool {
        if self.sets.iter().any(|s| subset(s, &set)) {
            return false;
        }
        self.sets.retain(|s| !subset(&set, s));
        let at = self.sets.partition_point(|s| (s.len(), s) < (set.len(), &set));
        self.sets.insert(at, set);
        if self.sets.len() > most {
            self.cut = true;
            return self.sets.pop().is_some_and(|_| at < most);
        }
        true
    }
}

fn subset(small: &[FactId], large: &[FactId]) -> bool {
    let mut rest = large.iter();
    small.len() <= large.len() && small.iter().all(|s| rest.any(|l| l == s))
}

fn union(a: &[FactId], b: &[FactId]) -> Vec<FactId> {
    let mut all: Vec<FactId> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Minimal sets of given facts from which a fact follows while what is absent stays absent. Facts for which `granted` holds
/// are taken for granted. At most `most` sets are kept for each fact.
#[must_use]
pub fn supports(record: &Record, goal: FactId, granted: &dyn Fn(&Fact) -> bool, most: usize) -> Supports {
    let n = record.facts.len();
    let mut of: Vec<Supports> = vec![Supports::default(); n];
    let mut used_by: Vec<Vec<u32>> = vec![Vec::new(); n];
    for (i, instance) in record.instances.iter().enumerate() {
        for (_, p) in &instance.premises {
            used_by[p.index()].push(i as u32);
        }
    }
    let mut waiting: BinaryHeap<u32> = BinaryHeap::new();
    let mut queued = vec![false; record.instances.len()];
    let enqueue = |waiting: &mut BinaryHeap<u32>, queued: &mut Vec<bool>, i: u32| {
        if !std::mem::replace(&mut queued[i as usize], true) {
            waiting.push(i);
        }
    };
    for (f, fact) in record.facts.iter().enumerate() {
        if fact.given {
            let own = if granted(fact) { Vec::new() } else { vec![FactId(f as u32)] };
            of[f].insert(own, most);
        }
    }
    for i in 0..record.instances.len() as u32 {
        enqueue(&mut waiting, &mut queued, i);
    }
    // Later instances lie deeper: the highest number first brings premises before conclusions where it can.
    while let Some(i) = waiting.pop() {
        queued[i as usize] = false;
        let instance = &record.instances[i as usize];
        let mut combined = Supports { sets: vec![Vec::new()], cut: false };
        for (_, p) in &instance.premises {
            let mut next = Supports { sets: Vec::new(), cut: combined.cut || of[p.index()].cut };
            for a in &combined.sets {
                for b in &of[p.index()].sets {
                    next.insert(union(a, b), most);
                }
            }
            combined = next;
        }
        let head_cut = of[instance.head.index()].cut;
        let head = &mut of[instance.head.index()];
        let was_cut = std::mem::replace(&mut head.cut, head_cut || combined.cut);
        let mut changed = false;
        for set in combined.sets {
            changed |= head.insert(set, most);
        }
        changed |= head.cut && !was_cut;
        if changed {
            for user in &used_by[instance.head.index()] {
                enqueue(&mut waiting, &mut queued, *user);
            }
        }
    }
    std::mem::take(&mut of[goal.index()])
}
