//! Proof skeletons of many conclusions: which rules, on which kinds of facts, led to each; constants left out.
//!
//! The skeleton of a conclusion is that of its lowest proof (`super::shape`): a given fact is its relation, a step its rule with
//! the skeletons of its premises, each different one once. It ends where a single entity (a case) ends: of a row that only
//! a rule over other entities, or over none, can have concluded it says that rule, if it can be but one, or else the relation.
//! And it ends where a short explanation ends (`leaf short`): there it says the rule without what that rests on. So a
//! skeleton says the same whatever lies beside the entity, and is found where the entity's rows are. Millions of conclusions fall
//! into a few hundred; the rare ones are the audit list.

#[cfg(test)]
mod tests;

use super::shape::{Orders, Rules, Shapes};
use crate::engine::naive::body::Source;
use crate::engine::partition::{self, Place};
use crate::engine::profile::Givers;
use crate::engine::shards::Every;
use crate::engine::store::Database;
use crate::engine::{self, limit::Limit};
use crate::lang::program::{RelId, Relation, RuleId, Stratum, TypeId};
use crate::proof::graph::Value;
use crate::proof::record::Ground;
use crate::proof::typed;
use crate::proof::what_if::order;
use crate::proof::whole::Whole;
use crate::rulebook::Rulebook;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A pattern with the conclusions that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Stable name: the first 12 hexadecimal digits of the hash of its skeleton.
    pub id: String,
    /// Number of conclusions.
    pub count: usize,
    /// The conclusion that stands first, by text.
    pub exemplar: Vec<Value>,
    /// Rules of the proof, from the conclusion down, each once.
    pub rules: Vec<RuleId>,
    /// The first conclusions, as many as were asked for.
    pub rows: Vec<Vec<Value>>,
}

/// Which patterns are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The relation of the conclusions.
    pub rel: RelId,
    /// Its column of what a skeleton is about.
    pub entity: usize,
    /// Conclusions to be kept: of patterns whose name begins so, so many of each.
    pub keep: Option<(String, usize)>,
}

/// The patterns wanted of a rulebook's conclusions, and where their skeletons end.
#[derive(Debug)]
pub(super) struct Patterns<'b> {
    book: &'b Rulebook,
    pub(super) wanted: Wanted,
    /// The type of the entity, if the rulebook declares one.
    pub(super) key: Option<TypeId>,
    /// By rule: whether it stays within one entity.
    within: Vec<bool>,
    /// By relation: whether a short explanation ends at its rows.
    ends: Vec<bool>,
    /// Orders of premises, as the first part found them.
    orders: Orders,
    /// By relation: whether a skeleton may go through its rows.
    pub(super) needed: Vec<bool>,
}

/// What was found in a part of the tables, by name.
pub(super) type Found = BTreeMap<String, Pattern>;

impl<'b> Patterns<'b> {
    pub(super) fn new(book: &'b Rulebook, wanted: &Wanted) -> Self {
        let program = &book.program;
        let ty = program.rel(wanted.rel).columns[wanted.entity].ty;
        let key = program.types[ty.index()].span.is_some().then_some(ty);
        let mut within = vec![true; program.rules.len()];
        if let Some(key) = key {
            let places = partition::by_key(program, key).places;
            within = places.iter().map(|p| matches!(p, Place::Shard(_))).collect();
        }
        let leaf = |r: &Relation| r.notes.get("leaf").is_some_and(|v| v.trim() == "short");
        let ends: Vec<bool> = program.relations.iter().map(leaf).collect();
        // Which of so few rules gave a row is known without a look at what they read.
        let known = |s: &&Stratum| !s.recursive && s.rules.len() <= Givers::MOST;
        let mut looks = within.clone();
        for id in program.strata.iter().filter(known).flat_map(|s| &s.rules) {
            looks[id.index()] &= !ends[program.rule(*id).head.index()];
        }
        let needed = engine::needed_by(program, &[wanted.rel], |r| looks[r.index()]);
        Self { book, wanted: wanted.clone(), key, within, ends, orders: Orders::default(), needed }
    }

    /// The patterns in tables that hold whole entities; the tables are lent. `givers` are the rules that gave the
    /// rows, where that is known.
    pub(super) fn find(&self, tables: &mut Database, givers: &Every, threads: usize) -> Result<Found, Limit> {
        let whole = Whole::new(&self.book.program, std::mem::take(tables));
        let found = self.over(&whole, givers, threads);
        *tables = whole.into_database();
        found
    }

    /// Rows with the same entity are looked at one after the other.
    fn over(&self, whole: &Whole<'_>, givers: &Every, threads: usize) -> Result<Found, Limit> {
        let Wanted { rel, entity, .. } = self.wanted;
        let table = whole.table(rel);
        let mut sorted: Vec<u32> = (0..table.len() as u32).collect();
        if entity > 0 {
            sorted.sort_by_key(|n| (table.row(*n as usize)[entity], *n));
        }
        let pieces = if threads == 1 { 1 } else { rayon::current_num_threads() };
        let size = sorted.len().div_ceil(pieces.max(1)).max(1);
        let one = |rows: &[u32]| self.part(whole, givers, rows);
        let parts: Vec<Found> = match sorted.chunks(size).len() {
            0 | 1 => vec![one(&sorted)?],
            _ => sorted.par_chunks(size).map(one).collect::<Result<_, _>>()?,
        };
        let mut all = Found::new();
        parts.into_iter().for_each(|p| join(&mut all, p));
        Ok(all)
    }

    fn part(&self, whole: &Whole<'_>, givers: &Every, rows: &[u32]) -> Result<Found, Limit> {
        let rel = self.wanted.rel;
        let columns = &self.book.program.rel(rel).columns;
        let program = Rules { within: &self.within, ends: &self.ends, givers, orders: &self.orders };
        let mut shapes = Shapes::new(self.book, whole.clone(), program);
        let mut by_number: FxHashMap<u32, (u32, usize, Vec<u32>)> = FxHashMap::default();
        for row in rows {
            let Some(shape) = shapes.of(rel, *row)? else { continue };
            let slot = by_number.entry(shape).or_insert((*row, 0, Vec::new()));
            slot.1 += 1;
            if self.wanted.keep.is_some() {
                slot.2.push(*row);
            }
            if whole.text().compare_rows(columns, whole.row(rel, *row), whole.row(rel, slot.0)).is_lt() {
                slot.0 = *row;
            }
        }
        let pattern = |(number, (first, count, rows)): (u32, (u32, usize, Vec<u32>))| {
            let (id, rules) = shapes.describe(number);
            let mut kept: Vec<Vec<Value>> = Vec::new();
            if let Some((_, most)) = self.wanted.keep.as_ref().filter(|(name, _)| id.starts_with(name.as_str())) {
                kept.extend(rows.iter().map(|r| shown(whole, rel, *r)));
                kept.sort_by(|a, b| order(a, b));
                kept.truncate(*most);
            }
            (id.clone(), Pattern { id, count, exemplar: shown(whole, rel, first), rules, rows: kept })
        };
        Ok(by_number.into_iter().map(pattern).collect())
    }

    /// What was found, most frequent first, with no more conclusions of each than were asked for.
    pub(super) fn ranked(&self, found: Found) -> (RelId, Vec<Pattern>) {
        let mut out: Vec<Pattern> = found.into_values().collect();
        out.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| order(&a.exemplar, &b.exemplar)).then_with(|| a.id.cmp(&b.id))
        });
        let most = self.wanted.keep.as_ref().map_or(0, |(_, most)| *most);
        for pattern in &mut out {
            pattern.rows.sort_by(|a, b| order(a, b));
            pattern.rows.truncate(most);
        }
        (self.wanted.rel, out)
    }
}

/// Adds what was found elsewhere.
pub(super) fn join(all: &mut Found, more: Found) {
    for (id, found) in more {
        match all.get_mut(&id) {
            None => {
                all.insert(id, found);
            }
            Some(known) => {
                known.count += found.count;
                known.rows.extend(found.rows);
                if order(&found.exemplar, &known.exemplar).is_lt() {
                    known.exemplar = found.exemplar;
                }
            }
        }
    }
}

/// A row as values.
fn shown(whole: &Whole<'_>, rel: RelId, number: u32) -> Vec<Value> {
    let words = whole.row(rel, number).iter().map(|w| Some(*w));
    typed::row(whole.program(), whole.text(), rel, words).into_iter().flatten().collect()
}
