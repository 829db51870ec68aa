//! What a run did: time, rows and plan per rule, indexes built, rounds.

use super::plan::{Check, Maker, Plan, Seek, Step};
use super::rows::{prefix_range, union_all};
use super::value::Word;
use crate::lang::program::{Program, RelId, Rule, RuleId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One rule's share.
#[derive(Clone, Debug, Default)]
pub struct RuleProfile {
    /// Wall time, planning and indexes included.
    pub time: Duration,
    /// Times it ran.
    pub runs: usize,
    /// Source rows it read.
    pub rows_in: usize,
    /// Distinct head rows it gave, summed over its runs.
    pub rows_out: usize,
    /// Its last plan.
    pub plan: String,
}

/// Which rules gave each row of a relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Givers {
    /// The rules that gave any.
    pub rules: Vec<RuleId>,
    /// By row, a bit for each of them in as many bytes as that takes. Empty where one rule gave all rows.
    of: Vec<u8>,
}

impl Givers {
    /// Most rules that are told apart.
    pub const MOST: usize = 64;

    /// The union of given rows of `width` words and those of rules, all sorted, and which rules gave each; `None` for more than
    /// [`Self::MOST`] rules.
    #[must_use]
    pub fn union(width: usize, given: Vec<Word>, mut sets: Vec<(RuleId, Vec<Word>)>) -> (Vec<Word>, Option<Self>) {
        let rules: Vec<RuleId> = sets.iter().map(|(rule, _)| *rule).collect();
        if given.is_empty() && sets.len() == 1 {
            let rows = sets.pop().map(|(_, set)| set).unwrap_or_default();
            return (rows, Some(Self { rules, of: Vec::new() }));
        }
        let rows = union_all(width, sets.iter().map(|(_, set)| set.clone()).chain([given]).collect());
        if rules.len() > Self::MOST {
            return (rows, None);
        }
        let bytes = rules.len().div_ceil(8);
        let mut of = vec![0; rows.len() / width * bytes];
        for (bit, (_, set)) in sets.iter().enumerate() {
            let mut cursor = 0;
            for row in set.chunks_exact(width) {
                let (at, end) = prefix_range(width, &rows, row, &mut cursor);
                (at..end).for_each(|row| of[row * bytes + bit / 8] |= 1 << (bit % 8));
            }
        }
        (rows, Some(Self { rules, of }))
    }

    /// Puts the rows, which stand as in `rows`, in their order.
    pub fn sort(&mut self, width: usize, rows: &[Word]) {
        let row = |i: &usize| &rows[i * width..(i + 1) * width];
        let bytes = self.rules.len().div_ceil(8);
        let mut order: Vec<usize> = (0..self.of.len() / bytes.max(1)).collect();
        order.sort_by(|a, b| row(a).cmp(row(b)));
        self.of = order.into_iter().flat_map(|i| &self.of[i * bytes..(i + 1) * bytes]).copied().collect();
    }

    /// The bits of a row.
    #[must_use]
    pub fn bits(&self, row: usize) -> u64 {
        let bytes = self.rules.len().div_ceil(8);
        let own = self.of.get(row * bytes..(row + 1) * bytes).filter(|own| !own.is_empty());
        own.map_or_else(
            || u64::from(self.of.is_empty()),
            |own| own.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
        )
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.of.len()
    }
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// By rule id; rules that were skipped ran 0 times.
    pub rules: Vec<RuleProfile>,
    /// Indexes built: relation, key columns, rows, time.
    pub indexes: Vec<(RelId, Vec<usize>, usize, Duration)>,
    /// Relations of each recursive stratum with its rounds.
    pub rounds: Vec<(Vec<RelId>, usize)>,
    /// Wall time of the evaluation.
    pub time: Duration,
    /// Which rules gave the rows of relations for which that was wanted; not of recursive ones.
    pub givers: BTreeMap<RelId, Arc<Givers>>,
}

impl Profile {
    /// An empty profile of a program.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        Self { rules: vec![RuleProfile::default(); program.rules.len()], ..Self::default() }
    }

    /// Adds one run of a rule; `plan` is asked for once per rule.
    pub fn add(&mut self, id: RuleId, time: Duration, read: usize, given: usize, plan: impl FnOnce() -> String) {
        let r = &mut self.rules[id.index()];
        r.time += time;
        r.runs += 1;
        r.rows_in += read;
        r.rows_out += given;
        if r.plan.is_empty() {
            r.plan = plan();
        }
    }

    /// Adds the figures of another part of the same run. Times are those of all threads together.
    pub fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            mine.time += theirs.time;
            mine.runs += theirs.runs;
            mine.rows_in += theirs.rows_in;
            mine.rows_out += theirs.rows_out;
            if mine.plan.is_empty() {
                mine.plan = theirs.plan;
            }
        }
        for (rel, columns, rows, time) in other.indexes {
            match self.indexes.iter_mut().find(|i| i.0 == rel && i.1 == columns) {
                Some(i) => {
                    i.2 += rows;
                    i.3 += time;
                }
                None => self.indexes.push((rel, columns, rows, time)),
            }
        }
        for (relations, rounds) in other.rounds {
            match self.rounds.iter_mut().find(|r| r.0 == relations) {
                Some(r) => r.1 = r.1.max(rounds),
                None => self.rounds.push((relations, rounds)),
            }
        }
        self.time += other.time;
    }

    /// The profile as a table of text, the dearest rules first.
    #[must_use]
    pub fn table(&self, program: &Program) -> String {
        let mut order: Vec<(String, &Rule, &RuleProfile)> = (program.rules.iter().zip(&self.rules))
            .filter(|(_, p)| p.runs > 0)
            .map(|(r, p)| (program.place(r.span), r, p))
            .collect();
        order.sort_by(|(a, _, x), (b, _, y)| y.time.cmp(&x.time).then(a.cmp(b)));
        let mut out =
            format!("evaluation {:.3} s\n   time/ms  runs    rows in   rows out  rule\n", self.time.as_secs_f64());
        for (place, rule, r) in order {
            out += &format!(
                "{:10.2} {:5} {:10} {:10}  {} {}\n{:41}{}\n",
                r.time.as_secs_f64() * 1e3,
                r.runs,
                r.rows_in,
                r.rows_out,
                place,
                program.rel(rule.head).name,
                "",
                r.plan
            );
        }
        let skipped = self.rules.iter().filter(|r| r.runs == 0).count();
        out += &format!("rules skipped: {skipped}\n");
        for (rel, columns, rows, time) in &self.indexes {
            let relation = program.rel(*rel);
            let names: Vec<&str> =
                columns.iter().map(|c| relation.columns.get(*c).map_or("", |c| c.name.as_str())).collect();
            let ms = time.as_secs_f64() * 1e3;
            out += &format!("index {}({}): {rows} rows, {ms:.2} ms\n", relation.name, names.join(","));
        }
        for (rels, rounds) in &self.rounds {
            let names: Vec<&str> = rels.iter().map(|r| program.rel(*r).name.as_str()).collect();
            out += &format!("recursion {}: {rounds} rounds\n", names.join(", "));
        }
        out
    }
}

fn seek(program: &Program, s: &Seek) -> String {
    let version = match s.version {
        super::index::Version::All => "",
        super::index::Version::Stable => " stable",
        super::index::Version::Recent => " new",
    };
    format!("{}[{}]{version}", program.rel(s.rel).name, s.keys.len())
}

fn checks(program: &Program, list: &[Check], out: &mut Vec<String>) {
    for c in list {
        out.push(match c {
            Check::Compare(_) => "test".into(),
            Check::Has { seek: s, negated: false } => format!("has {}", seek(program, s)),
            Check::Has { seek: s, negated: true } => format!("not {}", seek(program, s)),
        });
    }
}

/// A plan in one line: what is scanned, tested, joined, with the number of key columns in brackets.
#[must_use]
pub fn describe(program: &Program, plan: &Plan) -> String {
    let mut parts: Vec<String> = plan.there.iter().map(|r| format!("if {}", program.rel(*r).name)).collect();
    parts.push(plan.source.as_ref().map_or("once".into(), |s| format!("scan {}", seek(program, s))));
    for s in &plan.steps {
        match s {
            Step::Join { pre, extend, once, post, .. } => {
                checks(program, pre, &mut parts);
                if let Some(e) = extend {
                    parts.push(format!("{} {}", if *once { "first" } else { "join" }, seek(program, e)));
                }
                checks(program, post, &mut parts);
            }
            Step::Make { maker, .. } => parts.push(match maker {
                Maker::Term(_) => "compute".into(),
                Maker::Range(..) => "range".into(),
                Maker::Aggregate { rel, group, .. } => {
                    format!("aggregate {}[{}]", program.rel(*rel).name, group.len())
                }
            }),
        }
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_beyond_a_byte_are_told_apart() {
        let given = vec![7, 7];
        let sets: Vec<(RuleId, Vec<Word>)> = (0..10).map(|i| (RuleId(i), vec![i % 3, 1, i + 3, 2])).collect();
        let (rows, givers) = Givers::union(2, given, sets.clone());
        let mut givers = givers.expect("few rules");
        let told = |rows: &[Word], givers: &Givers| {
            rows.chunks_exact(2).enumerate().map(|(i, r)| (r.to_vec(), givers.bits(i))).collect::<BTreeMap<_, _>>()
        };
        let want = |row: &[Word]| {
            let has = |set: &[Word]| set.chunks_exact(2).any(|r| r == row);
            sets.iter().enumerate().filter(|(_, (_, set))| has(set)).fold(0, |bits, (i, _)| bits | 1u64 << i)
        };
        let before = told(&rows, &givers);
        assert!(before.iter().all(|(row, bits)| *bits == want(row)), "{before:?}");
        // The same rows in another order.
        let turned: Vec<Word> = rows.chunks_exact(2).rev().flatten().copied().collect();
        givers.of = givers.of.chunks_exact(2).rev().flatten().copied().collect();
        givers.sort(2, &turned);
        assert_eq!(told(&rows, &givers), before);
        let (_, one) = Givers::union(1, Vec::new(), vec![(RuleId(3), vec![1, 2])]);
        assert_eq!(one.map(|g| (g.bits(1), g.bytes())), Some((1, 0)));
    }

    #[test]
    fn parts_of_a_run_come_together() {
        let ms = Duration::from_millis;
        let rule = |runs, plan: &str| RuleProfile { time: ms(5), runs, rows_in: 3, rows_out: 2, plan: plan.into() };
        let part = |columns: Vec<usize>, relation: u32, plan: &str| Profile {
            rules: vec![rule(1, ""), rule(2, plan)],
            indexes: vec![(RelId(0), vec![0], 10, ms(1)), (RelId(1), columns, 20, ms(2))],
            rounds: vec![(vec![RelId(1)], 4), (vec![RelId(relation)], 7)],
            time: ms(9),
            ..Profile::default()
        };
        let mut all = part(vec![0], 2, "");
        all.merge(part(vec![1], 3, "scan"));
        all.merge(Profile { rounds: vec![(vec![RelId(1)], 2), (vec![RelId(2)], 9)], ..part(vec![0], 2, "other") });
        let figures: Vec<_> =
            all.rules.iter().map(|r| (r.time, r.runs, r.rows_in, r.rows_out, r.plan.as_str())).collect();
        assert_eq!(figures, [(ms(15), 3, 9, 6, ""), (ms(15), 6, 9, 6, "scan")]);
        let indexes = [(RelId(0), vec![0], 30, ms(3)), (RelId(1), vec![0], 40, ms(4)), (RelId(1), vec![1], 20, ms(2))];
        assert_eq!(all.indexes, indexes);
        assert_eq!(all.rounds, [(vec![RelId(1)], 4), (vec![RelId(2)], 9), (vec![RelId(3)], 7)]);
        assert_eq!(all.time, ms(27));
    }
}
