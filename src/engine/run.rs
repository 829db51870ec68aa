//! Evaluation: stratum after stratum, rules planned just before they run, recursive strata semi-naively.
//!
//! Recursion does not use datafrog's `Iteration` and `Variable`: they want one Rust type per width, are not `Send`, and a
//! `Variable` cannot be probed by a leaper. The scheme here is the same one — stable batches of falling size, the rows of
//! the last round, the rows of this round — kept by [`Rel`](super::index::Rel) for every permutation that is probed, and
//! read by the same `Leapers` as everything else.

use super::exec::{self, Bounds, Halt};
use super::index::{Store, Version};
use super::limit::{Limit, Options};
use super::order::{self, Reading};
use super::plan::{self, Plan, Seek, Step};
use super::profile::{Givers, Profile, describe};
use super::rows;
use super::rule::{self, Prepared};
use super::store::Database;
use super::unread::Read;
use super::value::Word;
use crate::lang::program::{Program, RelId, RelationKind, RuleId, Stratum};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Derives everything that the program says of the given facts.
///
/// # Errors
/// When a stated limit is met.
pub fn evaluate(program: &Program, mut database: Database, options: &Options) -> Result<(Database, Profile), Limit> {
    if !rule::has_all_tables(program, &database) {
        return Err(Limit::Internal { what: "the tables are not those of the program".into() });
    }
    let start = Instant::now();
    if !options.complete {
        database.add_program_facts(program);
    }
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n,
    };
    let mut engine = Engine {
        program,
        options,
        threads,
        store: Store::new(program, database, options.common.as_ref()),
        profile: Profile::new(program),
        prepared: HashMap::new(),
    };
    let wanted = needed(program, options.wanted.as_deref());
    if threads > 1 {
        on_threads(threads, || engine.strata(&wanted))??
    } else {
        engine.strata(&wanted)?
    }
    let Engine { store, mut profile, .. } = engine;
    profile.indexes = store.built.clone();
    profile.time = start.elapsed();
    Ok((store.into_database(options.common.as_deref()), profile))
}

/// Does work whose parts may go side by side on so many threads (0: as many as the machine has).
///
/// # Errors
/// When there are no such threads to be had.
pub fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R, Limit> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.map_err(|e| Limit::Internal { what: format!("no threads: {e}") })?.install(work))
}

/// Which relations the wanted ones need, themselves included; all when `wanted` is `None`.
#[must_use]
pub fn needed(program: &Program, wanted: Option<&[RelId]>) -> Vec<bool> {
    wanted.map_or_else(|| vec![true; program.relations.len()], |roots| needed_by(program, roots, |_| true))
}

/// Which relations these need where only some rules run.
#[must_use]
pub fn needed_by(program: &Program, roots: &[RelId], runs: impl Fn(RuleId) -> bool) -> Vec<bool> {
    let mut needed = vec![false; program.relations.len()];
    roots.iter().for_each(|r| needed[r.index()] = true);
    for s in program.strata.iter().rev() {
        if !s.relations.iter().any(|r| needed[r.index()]) {
            continue;
        }
        s.relations.iter().for_each(|r| needed[r.index()] = true);
        for id in s.rules.iter().filter(|r| runs(**r)) {
            program.rule(*id).reads().for_each(|r| needed[r.index()] = true);
        }
    }
    needed
}

struct Engine<'a> {
    program: &'a Program,
    options: &'a Options,
    threads: usize,
    store: Store,
    profile: Profile,
    prepared: HashMap<RuleId, Prepared>,
}

/// A plan of a recursive rule, with the sizes it was made for.
struct Cached {
    plan: Plan,
    sizes: Vec<u32>,
}

impl Engine<'_> {
    fn strata(&mut self, wanted: &[bool]) -> Result<(), Limit> {
        let program = self.program;
        let find = || Arc::new(Read::of(program, self.options.wanted.as_deref()));
        let read = self.options.read.clone().unwrap_or_else(find);
        // Constants are interned rule by rule in the order of the text, before anything runs.
        for i in 0..program.rules.len() {
            let id = RuleId(i as u32);
            if !self.runs(id) {
                continue;
            }
            let rule = rule::prepare(program, id, Some(&read), &mut self.store.symbols);
            self.prepared.insert(id, rule);
        }
        for s in &program.strata {
            if !s.rules.iter().any(|r| self.runs(*r)) || !s.relations.iter().any(|r| wanted[r.index()]) {
                continue;
            }
            if s.recursive { self.recursive(s)? } else { self.direct(s)? }
        }
        Ok(())
    }

    fn runs(&self, id: RuleId) -> bool {
        self.options.rules.as_ref().is_none_or(|r| r[id.index()])
    }

    fn direct(&mut self, s: &Stratum) -> Result<(), Limit> {
        let mut found: HashMap<RelId, Vec<(RuleId, Vec<Word>)>> = HashMap::new();
        for id in s.rules.iter().filter(|r| self.options.rules.as_ref().is_none_or(|m| m[r.index()])) {
            let rows = self.rule(*id, &Reading::default(), None)?;
            if !rows.is_empty() {
                found.entry(self.program.rule(*id).head).or_default().push((*id, rows));
            }
        }
        let wanted = |rel: &RelId| self.options.givers.as_ref().is_some_and(|g| g[rel.index()]);
        for rel in &s.relations {
            if let Some(sets) = found.remove(rel) {
                let r = &mut self.store.rels[rel.index()];
                let width = r.width();
                let given = r.take();
                let rows = if wanted(rel) {
                    let (rows, givers) = Givers::union(width, given, sets);
                    self.profile.givers.extend(givers.map(|g| (*rel, Arc::new(g))));
                    rows
                } else {
                    rows::union_all(width, sets.into_iter().map(|(_, set)| set).chain([given]).collect())
                };
                r.replace(rows);
                self.bound(*rel, s.rules.first().copied())?;
            }
        }
        Ok(())
    }

    fn recursive(&mut self, s: &Stratum) -> Result<(), Limit> {
        let own = |rel: RelId| s.relations.contains(&rel);
        let mut cache: HashMap<(RuleId, usize), Cached> = HashMap::new();
        let mut work: Vec<(RuleId, Reading)> = Vec::new();
        let mut found: HashMap<RelId, Vec<Vec<Word>>> = HashMap::new();
        let running: Vec<RuleId> = s.rules.iter().copied().filter(|r| self.runs(*r)).collect();
        for id in &running {
            let places: Vec<usize> = self.prepared[id].atoms().filter(|(_, p)| own(p.rel)).map(|(i, _)| i).collect();
            for (k, place) in places.iter().enumerate() {
                work.push((*id, Reading { recent: Some(*place), stable: places[k + 1..].to_vec() }));
            }
            if places.is_empty() {
                let rows = self.rule(*id, &Reading::default(), None)?;
                found.entry(self.program.rule(*id).head).or_default().push(rows);
            }
        }
        // Given facts of the stratum's relations are as new to its rules as what the other rules found.
        for rel in &s.relations {
            let given = self.store.rels[rel.index()].take();
            found.entry(*rel).or_default().push(given);
        }
        let lists = |rel: RelId| self.program.rel(rel).kind == RelationKind::Aggregate;
        let (mut listed, own): (Vec<RelId>, Vec<RelId>) = s.relations.iter().partition(|r| lists(**r));
        listed.sort_unstable();
        let (listing, work): (Vec<_>, Vec<_>) =
            work.into_iter().partition(|(id, _)| lists(self.program.rule(*id).head));
        for round in 0.. {
            let mut grown = 0;
            for rel in &own {
                let r = &mut self.store.rels[rel.index()];
                let new = rows::union_all(r.width(), found.remove(rel).unwrap_or_default());
                grown += r.advance(new);
                self.bound(*rel, s.rules.first().copied())?;
            }
            if grown == 0 {
                self.profile.rounds.push((s.relations.clone(), round));
                break;
            }
            if round > self.options.max_rounds {
                return Err(self.endless(s));
            }
            // The groups that the new rows give are complete before any rule aggregates over them; those of an aggregate
            // that another reads have the lower number.
            for rel in &listed {
                let mut sets = found.remove(rel).unwrap_or_default();
                for (id, reading) in listing.iter().filter(|(id, _)| self.program.rule(*id).head == *rel) {
                    sets.push(self.rule(*id, reading, Some(&mut cache))?);
                }
                let r = &mut self.store.rels[rel.index()];
                let new = rows::union_all(r.width(), sets);
                r.advance(new);
                self.bound(*rel, s.rules.first().copied())?;
            }
            for (id, reading) in &work {
                let rows = self.rule(*id, reading, Some(&mut cache))?;
                if !rows.is_empty() {
                    found.entry(self.program.rule(*id).head).or_default().push(rows);
                }
            }
        }
        for rel in &s.relations {
            self.store.rels[rel.index()].complete();
        }
        Ok(())
    }

    /// Runs one rule and gives its head rows, sorted.
    fn rule(
        &mut self,
        id: RuleId,
        reading: &Reading,
        cache: Option<&mut HashMap<(RuleId, usize), Cached>>,
    ) -> Result<Vec<Word>, Limit> {
        let start = Instant::now();
        let rule = &self.prepared[&id];
        if self.hopeless(rule, reading) {
            return Ok(Vec::new());
        }
        let plan = match cache {
            None => self.plan(id, reading, false)?,
            Some(cache) => {
                let key = (id, reading.recent.unwrap_or(usize::MAX));
                let sizes = self.sizes(rule, reading);
                match cache.remove(&key) {
                    Some(c) if c.sizes == sizes => {
                        self.refresh(&c.plan);
                        cache.insert(key, c);
                        cache.get(&key).map(|c| c.plan.clone())
                    }
                    _ => {
                        let plan = self.plan(id, reading, false)?;
                        if let Some(plan) = &plan {
                            cache.insert(key, Cached { plan: plan.clone(), sizes });
                        }
                        plan
                    }
                }
            }
        };
        let Some(plan) = plan else { return Ok(Vec::new()) };
        let mut given = self.run(id, &plan);
        if let (Err(Halt::Fault(_)), true) = (&given, self.prepared[&id].fallible) {
            // A fault counts only for rows that satisfy everything else: look again with what can fault put last. Which of
            // several faults is told may depend on the plan.
            self.store.count_alone();
            if let Some(plan) = self.plan(id, reading, true)? {
                given = self.run(id, &plan);
            }
        }
        let rule = &self.prepared[&id];
        let given = given.map_err(|h| self.limit(rule, h))?;
        let rows = given.rows.len() / rule.args.len().max(1);
        let shown = || describe(self.program, &plan);
        self.profile.add(id, start.elapsed(), given.read, rows, shown);
        Ok(given.rows)
    }

    fn run(&mut self, id: RuleId, plan: &Plan) -> Result<exec::Given, Halt> {
        let bounds = Bounds { rows: self.options.max_rows, bytes: self.options.max_bytes, until: self.options.until };
        let Store { rels, symbols, .. } = &mut self.store;
        exec::run(self.program, &self.prepared[&id], plan, rels, symbols, self.threads, bounds)
    }

    fn plan(&mut self, id: RuleId, reading: &Reading, late: bool) -> Result<Option<Plan>, Limit> {
        let rule = &self.prepared[&id];
        let Some(order) = order::choose(rule, reading, &mut self.store) else { return Ok(None) };
        plan::build(rule, &order, reading, late, &mut self.store)
            .map(Some)
            .map_err(|e| Limit::Internal { what: format!("{}: {e}", self.program.place(rule.span)) })
    }

    /// Whether a positive atom reads no row at all.
    fn hopeless(&self, rule: &Prepared, reading: &Reading) -> bool {
        rule.atoms().any(|(i, p)| self.store.rel(p.rel).rows(reading.version(i)) == 0)
    }

    /// Sizes in powers of four, for which a plan of a recursive rule stays good.
    fn sizes(&self, rule: &Prepared, reading: &Reading) -> Vec<u32> {
        rule.atoms().map(|(i, p)| (self.store.rel(p.rel).rows(reading.version(i)) as u64 + 1).ilog2() / 2).collect()
    }

    /// Makes the copies that a cached plan needs of rows found since.
    fn refresh(&mut self, plan: &Plan) {
        let mut need = |s: &Seek| {
            self.store.rels[s.rel.index()].build(s.perm);
        };
        plan.source.iter().for_each(&mut need);
        for s in &plan.steps {
            if let Step::Join { pre, extend, post, .. } = s {
                extend.iter().for_each(&mut need);
                for c in pre.iter().chain(post) {
                    if let plan::Check::Has { seek, .. } = c {
                        need(seek);
                    }
                }
            }
        }
    }

    fn limit(&self, rule: &Prepared, halt: Halt) -> Limit {
        let (span, place) = (rule.span, self.program.place(rule.span));
        match halt {
            Halt::Fault((fault, span)) => Limit::fault(self.program, span, fault),
            Halt::Rows => self.rows_limit(rule.head, Some(rule.id)),
            Halt::Bytes => Limit::Memory { bound: self.options.max_bytes, span, place },
            Halt::Time(until) => Limit::Time { seconds: until.seconds(), span, place },
        }
    }

    fn rows_limit(&self, rel: RelId, rule: Option<RuleId>) -> Limit {
        let relation = self.program.rel(rel);
        let span = rule.map_or(relation.span, |r| self.program.rule(r).span);
        let place = self.program.place(span);
        Limit::Rows { relation: relation.name.clone(), bound: self.options.max_rows, span, place }
    }

    fn bound(&self, rel: RelId, rule: Option<RuleId>) -> Result<(), Limit> {
        let r = self.store.rel(rel);
        if r.rows(Version::All) > self.options.max_rows {
            return Err(self.rows_limit(rel, rule));
        }
        if self.options.max_bytes < usize::MAX {
            let held: usize = self.store.rels.iter().map(super::index::Rel::bytes).sum();
            if held > self.options.max_bytes {
                let span = rule.map_or(self.program.rel(rel).span, |r| self.program.rule(r).span);
                let place = self.program.place(span);
                return Err(Limit::Memory { bound: self.options.max_bytes, span, place });
            }
        }
        Ok(())
    }

    fn endless(&self, s: &Stratum) -> Limit {
        let names: Vec<&str> = s.relations.iter().map(|r| self.program.rel(*r).name.as_str()).collect();
        let span = s.rules.first().map_or(self.program.rel(s.relations[0]).span, |r| self.program.rule(*r).span);
        let place = self.program.place(span);
        Limit::Rounds { relations: names.join(", "), bound: self.options.max_rounds, span, place }
    }
}
