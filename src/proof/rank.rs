//! Levels, ranks, shortest proofs and their number, computed over a record without recursion on the call stack.
//!
//! *Level*: fewest rule steps, one above the other, by which a fact follows; given facts have level 0. *Kept* instances are
//! those that cannot go round in a circle: inside a knot of facts that rest on each other an instance is kept when it goes
//! strictly down in level, everywhere else always. Over the kept instances every fact has a *rank* above the ranks of its
//! premises, so nothing later needs a check for cycles. On facts without such knots nothing is left out and the number of
//! proofs is the number of all proofs.

use super::record::{FactId, Record};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// A number of proofs; when `exact` is false there are at least so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub number: u128,
    /// Whether the number did not overflow.
    pub exact: bool,
}

impl Count {
    const fn of(number: u128) -> Self {
        Self { number, exact: true }
    }

    fn plus(self, other: Self) -> Self {
        let (number, over) = self.number.overflowing_add(other.number);
        Self { number: if over { u128::MAX } else { number }, exact: self.exact && other.exact && !over }
    }

    fn times(self, other: Self) -> Self {
        if self.number == 0 || other.number == 0 {
            return Self::of(0);
        }
        let product = self.number.checked_mul(other.number);
        Self { number: product.unwrap_or(u128::MAX), exact: self.exact && other.exact && product.is_some() }
    }
}

/// What is known of the proofs of each fact of a record. All vectors go by fact unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Fewest rule levels; `None` for a fact that was not followed to its ground.
    pub level: Vec<Option<u32>>,
    /// Longest way down over kept instances.
    pub rank: Vec<u32>,
    /// By instance: whether it is kept.
    pub kept: Vec<bool>,
    /// The first step of the shortest proof; `None` for given facts.
    pub shortest: Vec<Option<u32>>,
    /// Size of that proof in facts, steps and tests, as a tree (a shared part counts each time).
    pub size: Vec<u128>,
    /// Number of proofs over kept instances.
    pub count: Vec<Count>,
    /// Instances left out because they go round in a circle.
    pub circular: usize,
}

impl Ranks {
    /// Computes everything for a record.
    #[must_use]
    pub fn of(record: &Record, tests: &dyn Fn(u32) -> usize) -> Self {
        let (level, by_level) = levels(record);
        let (order, kept) = topological(record, &level);
        let circular = (0..record.instances.len()).filter(|i| !kept[*i] && grounded(record, &level, *i)).count();
        let mut out = Self {
            rank: vec![0; record.facts.len()],
            shortest: vec![None; record.facts.len()],
            size: vec![0; record.facts.len()],
            count: vec![Count::of(0); record.facts.len()],
            level,
            kept,
            circular,
        };
        out.choose(record, &by_level, tests);
        for f in order {
            let fact = &record.facts[f.index()];
            let mut count = Count::of(u128::from(fact.given));
            let mut rank = 0;
            for i in fact.by.iter().filter(|i| out.kept[**i as usize]) {
                let mut product = Count::of(1);
                for (_, p) in &record.instances[*i as usize].premises {
                    product = product.times(out.count[p.index()]);
                    rank = rank.max(out.rank[p.index()] + 1);
                }
                rank = rank.max(1);
                count = count.plus(product);
            }
            out.count[f.index()] = count;
            out.rank[f.index()] = rank;
        }
        out
    }

    /// The shortest proof of each fact: premises at their own fewest levels, then fewest nodes, then the first rule.
    fn choose(&mut self, record: &Record, by_level: &[FactId], tests: &dyn Fn(u32) -> usize) {
        for f in by_level {
            let fact = &record.facts[f.index()];
            let Some(level) = self.level[f.index()] else { continue };
            if level == 0 {
                self.size[f.index()] = 1;
                continue;
            }
            let mut best: Option<(u128, u32)> = None;
            for i in &fact.by {
                let instance = &record.instances[*i as usize];
                if height(&self.level, instance.premises.iter().map(|p| p.1)) != Some(level) {
                    continue;
                }
                let mut size = 2 + tests(*i) as u128;
                for (_, p) in &instance.premises {
                    size = size.saturating_add(self.size[p.index()]);
                }
                if best.is_none_or(|(s, _)| size < s) {
                    best = Some((size, *i));
                }
            }
            if let Some((size, i)) = best {
                self.size[f.index()] = size;
                self.shortest[f.index()] = Some(i);
            }
        }
    }
}

/// Level that an instance gives its head; `None` when a premise has none.
fn height(level: &[Option<u32>], premises: impl Iterator<Item = FactId>) -> Option<u32> {
    let mut most = 0;
    for p in premises {
        most = most.max(level[p.index()]?);
    }
    Some(most + 1)
}

fn grounded(record: &Record, level: &[Option<u32>], i: usize) -> bool {
    record.instances[i].premises.iter().all(|p| level[p.1.index()].is_some())
}

/// Levels, and the facts that have one in ascending order of level.
fn levels(record: &Record) -> (Vec<Option<u32>>, Vec<FactId>) {
    let mut level: Vec<Option<u32>> = record.facts.iter().map(|f| f.given.then_some(0)).collect();
    let mut used_by: Vec<Vec<u32>> = vec![Vec::new(); record.facts.len()];
    let mut open: Vec<usize> = Vec::with_capacity(record.instances.len());
    let mut queue: Vec<FactId> =
        (0..record.facts.len() as u32).map(FactId).filter(|f| level[f.index()].is_some()).collect();
    for (i, instance) in record.instances.iter().enumerate() {
        for (_, p) in &instance.premises {
            used_by[p.index()].push(i as u32);
        }
        open.push(instance.premises.len());
        let slot = &mut level[instance.head.index()];
        if instance.premises.is_empty() && slot.is_none() {
            *slot = Some(1);
            queue.push(instance.head);
        }
    }
    // Facts leave the queue in ascending level: what a fact of level n completes has level n + 1.
    let mut next = 0;
    while next < queue.len() {
        let f = queue[next];
        next += 1;
        let here = level[f.index()].unwrap_or(0);
        for i in &used_by[f.index()] {
            open[*i as usize] -= 1;
            let slot = &mut level[record.instances[*i as usize].head.index()];
            if open[*i as usize] == 0 && slot.is_none() {
                *slot = Some(here + 1);
                queue.push(record.instances[*i as usize].head);
            }
        }
    }
    (level, queue)
}

/// An order in which facts come after the premises of their kept instances, and which instances are kept.
fn topological(record: &Record, level: &[Option<u32>]) -> (Vec<FactId>, Vec<bool>) {
    let edges = record.instances.iter().map(|i| i.premises.len()).sum();
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(record.facts.len(), edges);
    for _ in &record.facts {
        graph.add_node(());
    }
    for instance in &record.instances {
        for (_, p) in &instance.premises {
            graph.add_edge(NodeIndex::new(instance.head.index()), NodeIndex::new(p.index()), ());
        }
    }
    let mut knot = vec![0; record.facts.len()];
    let mut order = Vec::with_capacity(record.facts.len());
    // Strongly connected components come with premises before conclusions.
    for (k, mut members) in kosaraju_scc(&graph).into_iter().enumerate() {
        members.sort_by_key(|n| (level[n.index()].unwrap_or(u32::MAX), n.index()));
        for n in members {
            knot[n.index()] = k;
            order.push(FactId(n.index() as u32));
        }
    }
    let kept = record.instances.iter().enumerate().map(|(i, instance)| {
        let h = instance.head.index();
        grounded(record, level, i)
            && instance.premises.iter().all(|(_, p)| knot[p.index()] != knot[h] || level[p.index()] < level[h])
    });
    let kept = kept.collect();
    (order, kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::{RelId, RuleId};
    use crate::proof::record::{Fact, Instance};

    #[test]
    fn numbers_say_whether_they_are_exact() {
        let (few, most) = (Count::of(3), Count::of(u128::MAX));
        let least = Count { exact: false, ..few };
        assert_eq!(few.plus(few), Count::of(6));
        assert_eq!(most.plus(few), Count { number: u128::MAX, exact: false });
        assert_eq!((few.plus(least).exact, least.plus(few).exact), (false, false));
        assert_eq!(few.times(few), Count::of(9));
        assert_eq!(most.times(few), Count { number: u128::MAX, exact: false });
        assert_eq!((few.times(least).exact, least.times(few).exact), (false, false));
        // Of nothing there is nothing, however many of the other.
        let none = Count::of(0);
        assert_eq!((none.times(least), least.times(none)), (none, none));
    }

    #[test]
    fn what_is_not_followed_to_its_ground_does_not_go_round() {
        // 0 is given; 1 follows from 0 and from itself; 2 is not followed, and 3 rests on it.
        let fact = |given, by: &[u32]| Fact { rel: RelId(0), row: Box::new([]), given, by: by.to_vec() };
        let instance = |head, premise| Instance {
            rule: RuleId(0),
            head: FactId(head),
            vars: Box::new([]),
            premises: vec![(0, FactId(premise))],
        };
        let mut record = Record::default();
        record.facts = vec![fact(true, &[]), fact(false, &[0, 1]), fact(false, &[]), fact(false, &[2])];
        record.instances = vec![instance(1, 0), instance(1, 1), instance(3, 2)];
        let ranks = Ranks::of(&record, &|_| 0);
        assert_eq!(ranks.level, [Some(0), Some(1), None, None]);
        assert_eq!((ranks.kept, ranks.circular), (vec![true, false, false], 1));
    }
}
