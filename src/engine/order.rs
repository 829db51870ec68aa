//! The order in which the positive atoms of a rule are joined, chosen when the sizes are known.

use super::expr::Expr;
use super::frog::Key;
use super::index::{Store, Version};
use super::rows;
use super::rule::{Lit, Pattern, Prepared, is_bound};
use super::value::Word;
use crate::lang::program::CmpOp;

/// Which rows each body literal reads, for the literals that differ from [`Version::All`], and the atom that must be the
/// source because it reads the rows found last.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The atom that reads the recent rows.
    pub recent: Option<usize>,
    /// Atoms that read stable rows only.
    pub stable: Vec<usize>,
}

impl Reading {
    /// Which rows the literal reads.
    #[must_use]
    pub fn version(&self, literal: usize) -> Version {
        if self.recent == Some(literal) {
            Version::Recent
        } else if self.stable.contains(&literal) {
            Version::Stable
        } else {
            Version::All
        }
    }
}

/// Cost of searching an index once, against 1 for passing over one row of a scan.
const SEARCH: f64 = 6.0;
/// Cost per row of making an index.
const BUILD: f64 = 12.0;

/// How the positive atoms of a rule are read: positions in the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Atoms without variables of which a row is there: they need no further look, as tables only grow while a rule is in use.
    pub there: Vec<usize>,
    /// The others, in the order of joining.
    pub joined: Vec<usize>,
}

/// The order of the positive atoms; `None` when one of them can have no row.
#[must_use]
pub fn choose(rule: &Prepared, reading: &Reading, store: &mut Store) -> Option<Order> {
    let mut atoms: Vec<(usize, &Pattern)> = Vec::new();
    let mut sizes = Vec::new();
    let mut there = Vec::new();
    for (i, p) in rule.atoms() {
        let version = reading.version(i);
        if reading.recent != Some(i) && p.vars().next().is_none() {
            // Were it the source, all the rest would run on one thread, however much that is.
            match exists(p, version, store) {
                Some(false) => return None,
                Some(true) => {
                    there.push(i);
                    continue;
                }
                None => {}
            }
        }
        let rows = selected(p, version, store);
        if rows == 0.0 {
            return None;
        }
        atoms.push((i, p));
        sizes.push(rows);
    }
    if atoms.len() < 2 {
        return Some(Order { there, joined: atoms.iter().map(|(i, _)| *i).collect() });
    }
    let sources: Vec<usize> = match reading.recent {
        Some(r) => (0..atoms.len()).filter(|a| atoms[*a].0 == r).collect(),
        None => (0..atoms.len()).collect(),
    };
    let mut best: Option<(f64, Vec<usize>)> = None;
    for s in sources {
        let (cost, order) = follow(rule, reading, store, &atoms, &sizes, s);
        if best.as_ref().is_none_or(|(c, _)| cost < *c) {
            best = Some((cost, order));
        }
    }
    best.map(|(_, joined)| Order { there, joined })
}

/// Most rows that are looked through for one.
const FEW: usize = 4096;

/// Whether a row agrees with the constants of an atom, if that is soon seen.
fn exists(p: &Pattern, version: Version, store: &Store) -> Option<bool> {
    let rel = store.rel(p.rel);
    let fits = |row: &[Word]| p.args.iter().zip(row).all(|(a, w)| !matches!(a, Some(Key::Const(c)) if c != w));
    let mut segments = rel.segments(version, 0);
    if rel.rows(version) <= FEW {
        return Some(segments.any(|data| data.chunks_exact(rel.width()).any(fits)));
    }
    let word = |a: &Option<Key>| if let Some(Key::Const(c)) = a { Some(*c) } else { None };
    let key: Vec<Word> = p.args.iter().map(word).collect::<Option<_>>()?;
    Some(segments.any(|data| {
        let (from, to) = rows::prefix_range(rel.width(), data, &key, &mut 0);
        from < to
    }))
}

/// Estimated rows of an atom after its constants.
fn selected(p: &Pattern, version: Version, store: &mut Store) -> f64 {
    let rel = &mut store.rels[p.rel.index()];
    let rows = rel.rows(version);
    let mut estimate = rows as f64;
    if rows == 0 {
        return 0.0;
    }
    for (c, a) in p.args.iter().enumerate() {
        let Some(Key::Const(w)) = a else { continue };
        let now = rel.rows(Version::All);
        let all = now as f64;
        let column = rel.column(c);
        // A relation that has grown since it was counted may have the value now.
        let share = match &column.counts {
            Some(counts) => match counts.binary_search_by_key(w, |x| x.0) {
                Ok(i) => f64::from(counts[i].1) / all,
                Err(_) if column.of == now => return 0.0,
                Err(_) => 0.5 / all,
            },
            None => 1.0 / column.distinct.max(1) as f64,
        };
        estimate *= share;
    }
    estimate.max(0.01)
}

fn follow(
    rule: &Prepared,
    reading: &Reading,
    store: &mut Store,
    atoms: &[(usize, &Pattern)],
    sizes: &[f64],
    source: usize,
) -> (f64, Vec<usize>) {
    let mut bound = vec![false; rule.vars];
    let mut left: Vec<usize> = (0..atoms.len()).filter(|a| *a != source).collect();
    let mut order = vec![atoms[source].0];
    let mut rows = sizes[source];
    let mut cost = store.rel(atoms[source].1.rel).rows(reading.version(atoms[source].0)) as f64;
    bind(rule, atoms[source].1, &mut bound);
    while !left.is_empty() {
        let mut next: Option<(f64, f64, usize)> = None;
        for (k, a) in left.iter().enumerate() {
            let (i, p) = atoms[*a];
            let version = reading.version(i);
            let columns = p.bound(&bound);
            let mut fan = sizes[*a];
            let mut expense = SEARCH;
            let keys = columns.iter().filter(|c| matches!(p.args[**c], Some(Key::Place(_))));
            let mut distinct = 1.0f64;
            for c in keys {
                distinct *= store.distinct(p.rel, *c) as f64;
            }
            fan /= distinct;
            let whole = p.vars().all(|v| bound[v]);
            if whole {
                fan = fan.min(0.7);
            } else if columns.is_empty() {
                expense = 0.0;
            }
            let rel = store.rel(p.rel);
            let known = columns.is_empty() || rel.known(&columns).is_some();
            let build = if known { 0.0 } else { BUILD * rel.rows(version) as f64 };
            let score = rows * (expense + fan) + build;
            // The atom that leaves the fewest rows goes next; making an index weighs against it.
            let rank = (rows * fan).max(rows * 0.05) + build * 0.2;
            if next.is_none_or(|(r, _, _)| rank < r) {
                next = Some((rank, score, k));
            }
            if whole {
                next = Some((rank, score, k));
                break;
            }
        }
        let Some((_, score, k)) = next else { break };
        let a = left.remove(k);
        let (i, p) = atoms[a];
        let columns = p.bound(&bound);
        let mut distinct = 1.0f64;
        for c in columns.iter().filter(|c| matches!(p.args[**c], Some(Key::Place(_)))) {
            distinct *= store.distinct(p.rel, *c) as f64;
        }
        let fan = sizes[a] / distinct;
        rows *= if p.vars().all(|v| bound[v]) { fan.min(0.7) } else { fan };
        rows = rows.max(0.01);
        cost += score;
        order.push(i);
        bind(rule, p, &mut bound);
    }
    (cost, order)
}

/// Binds the variables of an atom, and what can be computed from them.
fn bind(rule: &Prepared, p: &Pattern, bound: &mut [bool]) {
    p.vars().for_each(|v| bound[v] = true);
    loop {
        let before = bound.iter().filter(|b| **b).count();
        for l in &rule.body {
            match l {
                Lit::Compare(c) if c.op == CmpOp::Eq => {
                    for (a, b) in [(&c.left, &c.right), (&c.right, &c.left)] {
                        if let Expr::Place(v) = a
                            && is_bound(b, bound)
                        {
                            bound[*v] = true;
                        }
                    }
                }
                Lit::Range { var, bounds, .. } if bounds.iter().all(|b| is_bound(b, bound)) => bound[*var] = true,
                Lit::Aggregate { group, var, .. }
                    if group.iter().all(|k| !matches!(k, Key::Place(v) if !bound[*v])) =>
                {
                    bound[*var] = true;
                }
                _ => {}
            }
        }
        if bound.iter().filter(|b| **b).count() == before {
            return;
        }
    }
}
