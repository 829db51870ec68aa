//! Proof skeletons of the rows of finished tables, each found once: constants left out, premises by what they are.
//!
//! A skeleton says with which rule a row was concluded and the skeletons of the premises, each different one once. Of several
//! it is the lowest, then the smallest, then the one with the first digest, so that neither the order of rows nor the number of
//! threads decides. Nothing is recorded. Where the engine said which rules gave a row, those alone are looked at: one
//! whose premises are of one kind needs no look at any table, one whose other premises are found from the row by
//! themselves needs those alone. Only the rest is matched in full.

mod plan;
mod search;
mod skeleton;
#[cfg(test)]
mod tests;

use crate::engine::limit::Limit;
use crate::engine::naive::body::Source as _;
use crate::engine::shards::Every;
use crate::engine::value::Word;
use crate::lang::program::{Program, RelId, RuleId};
use crate::proof::rank::Ranks;
use crate::proof::record::{Ground as _, Record};
use crate::proof::whole::Whole;
use crate::rulebook::Rulebook;
use plan::{Plan, Plans, could, fixed, floor, plain, push, unify};
use search::Search;
use skeleton::{Height, Skeleton, Skeletons};

pub(super) use plan::Orders;

/// What is known of the rules beside their text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'p> {
    /// By rule: whether all that it reads is in the tables. Others are told without their premises.
    pub within: &'p [bool],
    /// By relation: whether a skeleton names the rule of its rows and goes no further.
    pub ends: &'p [bool],
    /// Which rules gave the rows, where that is known.
    pub givers: &'p Every,
    pub orders: &'p Orders,
}

/// Finds skeletons of rows of finished tables.
#[derive(Debug)]
pub(super) struct Shapes<'a, 'p> {
    program: &'p Program,
    whole: Whole<'p>,
    skeletons: Skeletons<'a>,
    /// By relation: the one skeleton of all its rows.
    uniform: Vec<Option<u32>>,
    /// By relation: no skeleton of its rows lies lower.
    floors: Vec<Height>,
    recursive: Vec<bool>,
    /// By relation: whether its rows come from rules only.
    concluded: Vec<bool>,
    /// By relation: the plans of its rules, when first needed.
    plans: Vec<Option<Box<Plans<'p>>>>,
    rules: Rules<'p>,
    /// The tables, with rows as given where skeletons end: what is recorded ends there.
    ground: Option<Whole<'p>>,
    /// By relation and row, one more than the number of the skeleton.
    memo: Vec<Vec<u32>>,
    /// Room for rows in work that is used again.
    rooms: Vec<Room>,
}

/// What is needed to match one row.
#[derive(Debug, Default)]
struct Room {
    row: Vec<Word>,
    vars: Vec<Option<Word>>,
    /// The keys that are being looked for.
    keys: Vec<Word>,
    /// Premises matched so far whose relations have rows of several kinds.
    rows: Vec<(RelId, u32)>,
    below: Vec<u32>,
}

impl<'a: 'p, 'p> Shapes<'a, 'p> {
    pub(super) fn new(book: &'a Rulebook, whole: Whole<'p>, known: Rules<'p>) -> Self {
        let within = |r: &RuleId| known.within[r.index()];
        let program: &'p Program = &book.program;
        let n = program.relations.len();
        let mut skeletons = Skeletons::new(book);
        let (mut uniform, mut recursive) = (vec![None; n], vec![false; n]);
        let concluded: Vec<bool> = (0..n as u32).map(|r| whole.concluded(RelId(r))).collect();
        for stratum in &program.strata {
            for rel in &stratum.relations {
                recursive[rel.index()] = stratum.recursive;
            }
        }
        let mut floors = vec![(0, 1); n];
        // Premises of a rule that is not recursive lie in lower strata.
        let ordered = program.strata.iter().flat_map(|s| &s.relations);
        let stray = (0..n as u32).map(RelId).filter(|r| whole.rules_of(*r).is_empty());
        for rel in stray {
            uniform[rel.index()] = Some(skeletons.number(Skeleton::Given(rel)));
        }
        for rel in ordered {
            let all = whole.rules_of(*rel);
            if !all.iter().any(within) {
                recursive[rel.index()] = false;
            }
            // Rules that gave nothing explain nothing.
            let gave = |r: &RuleId| !within(r) || known.givers.get(rel).is_none_or(|g| g.rules.contains(r));
            let rules: Vec<RuleId> = all.iter().copied().filter(gave).collect();
            if concluded[rel.index()] && !recursive[rel.index()] && rules.iter().all(within) {
                let ends = known.ends[rel.index()];
                let of = |r: &RuleId| if ends { (1, 1) } else { floor(program.rule(*r), &floors) };
                floors[rel.index()] = rules.iter().map(of).min().unwrap_or((0, 1));
            }
            if recursive[rel.index()] || !concluded[rel.index()] {
                continue;
            }
            // Any of them may have concluded any row.
            if rules.len() > 1 && rules.iter().all(|r| !within(r) && plain(program.rule(*r))) {
                uniform[rel.index()] = Some(skeletons.number(Skeleton::Given(*rel)));
            }
            if rules.len() != 1 {
                continue;
            }
            if !within(&rules[0]) || known.ends[rel.index()] {
                uniform[rel.index()] = Some(skeletons.step(rules[0], Vec::new()));
            } else if let (below, true) = fixed(program.rule(rules[0]), &uniform) {
                uniform[rel.index()] = Some(skeletons.step(rules[0], below));
            }
        }
        let plans = (0..n).map(|_| None).collect();
        let memo = vec![Vec::new(); n];
        let rooms = Vec::new();
        Self {
            program,
            whole,
            skeletons,
            uniform,
            floors,
            recursive,
            concluded,
            plans,
            rules: known,
            ground: None,
            memo,
            rooms,
        }
    }

    /// The skeleton of a row, by number; `None` when no rule explains it, which a finished run does not leave.
    pub(super) fn of(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        if let Some(shape) = self.uniform[rel.index()] {
            return Ok(Some(shape));
        }
        match self.memo[rel.index()].get(row as usize) {
            None | Some(0) => self.find(rel, row),
            Some(n) => Ok(Some(n - 1)),
        }
    }

    #[inline(never)]
    fn find(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        if self.memo[rel.index()].is_empty() {
            let rows = 0..self.whole.table(rel).len() as u32;
            let mut memo = vec![0; rows.len()];
            if self.concluded[rel.index()] && !self.recursive[rel.index()] {
                let plans = self.compile(rel);
                rows.zip(&mut memo).for_each(|(i, n)| *n = plans.at_once(i).map_or(0, |shape| shape + 1));
                self.plans[rel.index()] = Some(plans);
            }
            self.memo[rel.index()] = memo;
            return self.of(rel, row);
        }
        let found = if !self.concluded[rel.index()] && self.whole.is_given(rel, row) {
            Some(self.skeletons.number(Skeleton::Given(rel)))
        } else if self.recursive[rel.index()] {
            self.by_record(rel, row)?
        } else {
            self.by_plans(rel, row)?
        };
        if let Some(n) = found {
            self.memo[rel.index()][row as usize] = n + 1;
        }
        Ok(found)
    }

    fn by_plans(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        let mut plans = self.plans[rel.index()].take().unwrap_or_else(|| self.compile(rel));
        // Each row looks at relations of lower strata only, so the plans are not needed by what it asks for.
        let mut room = self.rooms.pop().unwrap_or_default();
        room.row.clear();
        room.row.extend_from_slice(self.whole.row(rel, row));
        let Plans { all, givers } = &mut *plans;
        let best = match givers {
            Some((givers, places)) => self.given_by(all, places, givers.bits(row as usize), &mut room),
            None => self.best(all, &mut room),
        };
        self.rooms.push(room);
        self.plans[rel.index()] = Some(plans);
        Ok(match best? {
            None => self.beyond(rel, row),
            found => found,
        })
    }

    /// The best of rules that are known to have given the row.
    fn given_by(
        &mut self,
        plans: &mut [Plan<'p>],
        places: &[usize],
        mut bits: u64,
        room: &mut Room,
    ) -> Result<Option<u32>, Limit> {
        let mut best: Option<u32> = None;
        while bits != 0 {
            let plan = &mut plans[places[bits.trailing_zeros() as usize]];
            bits &= bits - 1;
            if plan.beyond || best.is_some_and(|b| self.skeletons.height(b) < plan.floor) {
                continue;
            }
            let found = match plan.uniform {
                None => self.matched(plan, room)?,
                shape => shape,
            };
            if let Some(shape) = found.filter(|s| best.is_none_or(|b| self.skeletons.better(*s, b))) {
                best = Some(shape);
            }
        }
        Ok(best)
    }

    /// What a rule gives for a row that it is known to have given. Where its premises of several kinds are found by the row
    /// alone, one each, the others need no look: they are there.
    fn matched(&mut self, plan: &mut Plan<'p>, room: &mut Room) -> Result<Option<u32>, Limit> {
        unify(plan, &room.row, &mut room.vars);
        let mut single = plan.short.is_some();
        for premise in plan.short.iter_mut().flatten() {
            push(&premise.key, &room.vars, &mut room.keys);
            let (from, to) = premise.look.range(&room.keys);
            let mut agree = (from..to).filter(|i| premise.look.agrees(*i, &room.keys));
            let (first, more) = (agree.next(), agree.next());
            room.keys.clear();
            let (Some(place), None) = (first, more) else {
                single = false;
                break;
            };
            let number = premise.look.number(place);
            room.rows.push((premise.rel, number));
            let row = premise.look.row(number);
            premise.binds.iter().for_each(|(c, v)| room.vars[v.index()] = Some(row[*c]));
        }
        if !single {
            room.rows.clear();
            unify(plan, &room.row, &mut room.vars);
        }
        let mut search = Search { shapes: self, plan, room, best: None };
        if single {
            search.shape()?;
            search.room.rows.clear();
        } else {
            search.step(0)?;
        }
        Ok(search.best)
    }

    /// A row that no rule within the tables explains.
    fn beyond(&mut self, rel: RelId, row: u32) -> Option<u32> {
        let plans = self.plans[rel.index()].as_ref()?;
        let (mut vars, values) = (Vec::new(), self.whole.row(rel, row));
        let fits = |p: &&Plan<'p>| p.beyond && could(p, values) && unify(p, values, &mut vars);
        let mut might = plans.all.iter().filter(fits).map(|p| p.id);
        let rule = might.next()?;
        let alone = might.next().is_none();
        let skeletons = &mut self.skeletons;
        Some(if alone { skeletons.step(rule, Vec::new()) } else { skeletons.number(Skeleton::Given(rel)) })
    }

    /// The best of all rules that might have concluded the row.
    fn best(&mut self, plans: &mut [Plan<'p>], room: &mut Room) -> Result<Option<u32>, Limit> {
        let mut best: Option<u32> = None;
        for plan in plans {
            let beaten = best.is_some_and(|b| self.skeletons.height(b) < plan.floor);
            if plan.beyond || beaten || !could(plan, &room.row) || !unify(plan, &room.row, &mut room.vars) {
                continue;
            }
            let uniform = plan.uniform;
            if uniform.is_some_and(|s| best.is_some_and(|b| !self.skeletons.better(s, b))) {
                continue;
            }
            let mut search = Search { shapes: self, plan, room, best: None };
            let matched = search.step(0)?;
            let found = search.best;
            let shape = uniform.filter(|_| matched).or(found);
            if let Some(shape) = shape.filter(|s| best.is_none_or(|b| self.skeletons.better(*s, b))) {
                best = Some(shape);
            }
        }
        Ok(best)
    }

    /// A row of a relation that rests on itself: everything behind it is recorded, so that no circle is taken for a proof.
    fn by_record(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        let mut record = Record::default();
        let id = record.fact(&self.whole, rel, row);
        let ground = self.ground.get_or_insert_with(|| {
            let mut ends = self.rules.ends.to_vec();
            let rules = self.program.rules.iter().zip(self.rules.within);
            rules.for_each(|(rule, within)| ends[rule.head.index()] |= !within);
            self.whole.clone().ending(&ends)
        });
        record.follow(ground, 2_000_000)?;
        let ranks = Ranks::of(&record, &|_| 0);
        let mut of: Vec<Option<u32>> = vec![None; record.facts.len()];
        let mut upwards: Vec<usize> = (0..record.facts.len()).collect();
        upwards.sort_by_key(|f| ranks.level[*f]);
        for f in upwards {
            let fact = &record.facts[f];
            if ranks.level[f] == Some(0) {
                of[f] = Some(self.skeletons.number(Skeleton::Given(fact.rel)));
            }
            for i in fact.by.iter().filter(|_| ranks.level[f] != Some(0)) {
                let instance = &record.instances[*i as usize];
                // What the premises of a shortest proof rest on lies lower.
                let lower = |p: usize| ranks.level[p] < ranks.level[f];
                if !ranks.kept[*i as usize] || !instance.premises.iter().all(|(_, p)| lower(p.index())) {
                    continue;
                }
                let below: Vec<u32> = instance.premises.iter().filter_map(|(_, p)| of[p.index()]).collect();
                let shape = self.skeletons.step(instance.rule, below);
                if of[f].is_none_or(|b| self.skeletons.better(shape, b)) {
                    of[f] = Some(shape);
                }
            }
        }
        Ok(of[id.index()])
    }

    /// The stable name of a skeleton (the first 12 hexadecimal digits of its digest) and its rules from the top down.
    pub(super) fn describe(&self, number: u32) -> (String, Vec<RuleId>) {
        self.skeletons.describe(number)
    }
}
