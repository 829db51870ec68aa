//! Proof skeletons of many conclusions: which rules, on which kinds of facts, led to each; constants left out.
//!
//! The skeleton of a conclusion is that of its shortest proof: a given fact is its relation, a step its rule with the skeletons
//! of its premises, each different one once. Millions of conclusions fall into a few hundred; the rare ones are the audit list.

use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::lang::program::{Program, RelId, RuleId};
use crate::proof::graph::Value;
use crate::proof::rank::Ranks;
use crate::proof::record::{Ground, Record};
use crate::proof::typed;
use crate::proof::what_if::order;
use crate::proof::whole::Whole;
use crate::rulebook::Rulebook;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// A skeleton: what leads to it, by number in a [`Skeletons`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Skeleton {
    Given(RelId),
    Step(RuleId, Vec<u32>),
}

/// A hash that depends on what a skeleton says alone, not on the order in which skeletons were met.
type Digest = [u8; 16];

#[derive(Debug)]
struct Skeletons<'a> {
    book: &'a Rulebook,
    known: FxHashMap<Skeleton, u32>,
    list: Vec<(Skeleton, Digest)>,
}

impl Skeletons<'_> {
    fn digest(&self, s: &Skeleton) -> Digest {
        let mut hasher = blake3::Hasher::new();
        match s {
            Skeleton::Given(rel) => {
                hasher.update(b"given ");
                hasher.update(self.book.program.rel(*rel).name.as_bytes());
            }
            Skeleton::Step(rule, below) => {
                hasher.update(b"step ");
                hasher.update(self.book.rules[rule.index()].id.as_bytes());
                for b in below {
                    hasher.update(&self.list[*b as usize].1);
                }
            }
        }
        let mut out = Digest::default();
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        out
    }

    /// The skeleton of a step, premises in the order of their digests.
    fn step(&self, rule: RuleId, mut below: Vec<u32>) -> Skeleton {
        below.sort_unstable();
        below.dedup();
        below.sort_by_key(|b| self.list[*b as usize].1);
        Skeleton::Step(rule, below)
    }

    fn number(&mut self, s: Skeleton) -> u32 {
        if let Some(n) = self.known.get(&s) {
            return *n;
        }
        let n = self.list.len() as u32;
        let digest = self.digest(&s);
        self.list.push((s.clone(), digest));
        self.known.insert(s, n);
        n
    }
}

/// A pattern with the conclusions that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Stable name: the first 12 hexadecimal digits of the hash of its skeleton.
    pub id: String,
    /// Number of conclusions.
    pub count: usize,
    /// Row of the verdict relation that stands first, by text.
    pub exemplar: Vec<Value>,
    /// Rules of the proof, from the conclusion down, each once.
    pub rules: Vec<RuleId>,
    /// Rows of the verdict relation, as numbers in its table, when asked for.
    pub rows: Vec<u32>,
}

/// The patterns of all rows of a relation, most frequent first. Rows with the same value of the column `entity` are
/// explained together. The tables are given back unchanged by [`Whole::into_database`].
///
/// # Errors
/// When a stated limit is met.
pub fn patterns(
    book: &Rulebook,
    whole: &Whole<'_>,
    rel: RelId,
    entity: usize,
    keep_rows: bool,
    threads: usize,
) -> Result<Vec<Pattern>, Limit> {
    let table = whole.table(rel);
    let mut sorted: Vec<u32> = (0..table.len() as u32).collect();
    sorted.sort_by_key(|n| (table.row(*n as usize)[entity], *n));
    let mut groups: Vec<&[u32]> =
        sorted.chunk_by(|a, b| table.row(*a as usize)[entity] == table.row(*b as usize)[entity]).collect();
    groups.sort_by_key(|g| g[0]);
    let pieces = if threads == 1 { 1 } else { rayon::current_num_threads() * 4 };
    let size = groups.len().div_ceil(pieces.max(1)).max(1);
    let program = &book.program;
    let one = |groups: &[&[u32]]| -> Result<BTreeMap<String, Found>, Limit> {
        let mut ground = whole.clone();
        let mut skeletons = Skeletons { book, known: FxHashMap::default(), list: Vec::new() };
        let mut by_number: FxHashMap<u32, (usize, Vec<u32>, u32)> = FxHashMap::default();
        for group in groups {
            for (row, skeleton) in group_skeletons(program, &mut ground, rel, group, &mut skeletons)? {
                let slot = by_number.entry(skeleton).or_insert((0, Vec::new(), row));
                slot.0 += 1;
                slot.1.push(row);
                if !keep_rows && slot.1.len() > 1 {
                    slot.1.clear();
                }
                if before(whole, rel, row, slot.2) {
                    slot.2 = row;
                }
            }
        }
        let mut out = BTreeMap::new();
        for (number, (count, rows, first)) in by_number {
            let (id, rules) = describe(&skeletons, number);
            out.insert(id, Found { count, rows, first, rules });
        }
        Ok(out)
    };
    let parts: Vec<_> = groups.par_chunks(size).map(one).collect::<Result<_, _>>()?;
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for (id, found) in parts.into_iter().flatten() {
        match all.get_mut(&id) {
            None => {
                all.insert(id, found);
            }
            Some(known) => {
                known.count += found.count;
                known.rows.extend(found.rows);
                if before(whole, rel, found.first, known.first) {
                    known.first = found.first;
                }
            }
        }
    }
    let pattern = |(id, mut f): (String, Found)| {
        f.rows.sort_unstable();
        let rows = if keep_rows { f.rows } else { Vec::new() };
        Pattern { id, count: f.count, exemplar: shown(whole, rel, f.first), rules: f.rules, rows }
    };
    let mut out: Vec<Pattern> = all.into_iter().map(pattern).collect();
    out.sort_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| order(&a.exemplar, &b.exemplar)).then_with(|| a.id.cmp(&b.id))
    });
    Ok(out)
}

#[derive(Debug)]
struct Found {
    count: usize,
    rows: Vec<u32>,
    first: u32,
    rules: Vec<RuleId>,
}

/// A row as values.
fn shown(whole: &Whole<'_>, rel: RelId, number: u32) -> Vec<Value> {
    let words = whole.row(rel, number).iter().map(|w| Some(*w));
    typed::row(whole.program(), whole.text(), rel, words).into_iter().flatten().collect()
}

/// Whether a row stands before another, by what they show.
fn before(whole: &Whole<'_>, rel: RelId, a: u32, b: u32) -> bool {
    a != b && order(&shown(whole, rel, a), &shown(whole, rel, b)).is_lt()
}

/// The skeletons of some rows, explained together.
fn group_skeletons(
    program: &Program,
    ground: &mut Whole<'_>,
    rel: RelId,
    rows: &[u32],
    skeletons: &mut Skeletons<'_>,
) -> Result<Vec<(u32, u32)>, Limit> {
    let mut record = Record::default();
    let ids: Vec<_> = rows.iter().map(|n| record.fact(ground, rel, *n)).collect();
    record.follow(ground, 2_000_000)?;
    let tests = |i: u32| program.rule(record.instances[i as usize].rule).body.len();
    let ranks = Ranks::of(&record, &tests);
    let mut of: Vec<Option<u32>> = vec![None; record.facts.len()];
    // Premises lie lower in level on the shortest proof.
    let mut upwards: Vec<usize> = (0..record.facts.len()).collect();
    upwards.sort_by_key(|f| ranks.level[*f]);
    for f in upwards {
        let Some(shortest) = ranks.shortest[f] else {
            of[f] = Some(skeletons.number(Skeleton::Given(record.facts[f].rel)));
            continue;
        };
        // Of equally short proofs the one whose skeleton comes first, so that the order of rows does not decide.
        let mut best: Option<(Digest, Skeleton)> = None;
        for i in &record.facts[f].by {
            let instance = &record.instances[*i as usize];
            let premises = || instance.premises.iter().map(|(_, p)| p.index());
            let height = premises().map(|p| ranks.level[p]).max().flatten().unwrap_or(0) + 1;
            if !ranks.kept[*i as usize] || Some(height) != ranks.level[f] {
                continue;
            }
            let size = premises().fold(2 + tests(*i) as u128, |sum, p| sum.saturating_add(ranks.size[p]));
            if *i != shortest && size != ranks.size[f] {
                continue;
            }
            let below: Vec<u32> = premises().filter_map(|p| of[p]).collect();
            let skeleton = skeletons.step(instance.rule, below);
            let digest = skeletons.digest(&skeleton);
            if best.as_ref().is_none_or(|(d, _)| digest < *d) {
                best = Some((digest, skeleton));
            }
        }
        let Some((_, skeleton)) = best else { continue };
        of[f] = Some(skeletons.number(skeleton));
    }
    Ok(rows.iter().zip(ids).filter_map(|(n, id)| Some((*n, of[id.index()]?))).collect())
}

/// The stable name of a skeleton and its rules from the top down.
fn describe(skeletons: &Skeletons<'_>, number: u32) -> (String, Vec<RuleId>) {
    let mut rules = Vec::new();
    let mut queue = std::collections::VecDeque::from([number]);
    let mut reached = FxHashSet::from_iter([number]);
    while let Some(n) = queue.pop_front() {
        if let (Skeleton::Step(rule, below), _) = &skeletons.list[n as usize] {
            if !rules.contains(rule) {
                rules.push(*rule);
            }
            queue.extend(below.iter().filter(|b| reached.insert(**b)));
        }
    }
    let digest = skeletons.list[number as usize].1;
    (digest.iter().take(6).map(|b| format!("{b:02x}")).collect(), rules)
}
