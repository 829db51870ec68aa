//! One conclusion to why and why not: slice, recorded replay, derivation graph.
//!
//! ```text
//! goal --demand--> answers, and the given facts looked at (the slice)
//!      --record--> every rule instance behind the answers
//!      --rank----> levels, shortest proofs, number of proofs
//!      --build---> a petgraph graph of plain values; absences examined by why_not
//! ```
//!
//! Nothing here prints or words anything, and nothing recurses on the call stack with the data.

pub mod build;
pub mod contrast;
pub mod demand;
pub mod derivation;
pub mod given;
pub mod graph;
pub mod least_change;
pub mod proofs;
pub mod rank;
pub mod record;
pub mod typed;
pub mod unify;
pub mod what_if;
pub mod whole;
pub mod why_not;

use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::lang::program::{Arg, Program, RelId};
use build::Builder;
use demand::Prover;
use graph::{Graph, Node, NodeIndex};
use rank::Count;

/// What is asked: an atom, with variables and `_` for what is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// Relation.
    pub rel: RelId,
    /// One argument per column; a variable that occurs twice asks for equal values.
    pub args: Vec<Arg>,
}

impl From<crate::lang::query::Goal> for Goal {
    fn from(g: crate::lang::query::Goal) -> Self {
        Self { rel: g.rel, args: g.args }
    }
}

/// Bounds and choices of an explanation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most answers explained; further ones are counted.
    pub answers: usize,
    /// All proofs in the graph instead of the shortest.
    pub alternatives: bool,
    /// So many proofs of each answer, the smallest first, each with nodes of its own; 0 for the shortest alone.
    pub best: usize,
    /// How deep a negated premise of a proof is examined; 0 leaves it a leaf.
    pub absence_depth: usize,
    /// How deep the absence of the goal itself is examined.
    pub why_not_depth: usize,
    /// Most attempts shown below an absence.
    pub attempts: usize,
    /// Premises of an attempt that hold are shown as well.
    pub met: bool,
    /// Steps by demand before everything is concluded instead.
    pub most_steps: u64,
    /// Most rule instances recorded.
    pub most_instances: usize,
    /// Most nodes of the graph; what lies below is folded.
    pub most_nodes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            answers: 20,
            alternatives: false,
            best: 0,
            absence_depth: 1,
            why_not_depth: 4,
            attempts: 3,
            met: false,
            most_steps: 20_000_000,
            most_instances: 5_000_000,
            most_nodes: 200_000,
        }
    }
}

/// An answer of the goal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its node.
    pub node: NodeIndex,
    /// Which of its proofs lies below the node, from 0.
    pub nth: u32,
    /// Number of its proofs.
    pub proofs: Count,
    /// Rule steps of this proof, one above the other; 0 for a given fact.
    pub levels: u32,
    /// Facts, steps and tests of this proof, shared parts counted each time.
    pub size: u128,
}

/// Why, or why not.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was asked.
    pub goal: Goal,
    /// Answers in order of their values; empty when the goal does not follow.
    pub answers: Vec<Answer>,
    /// Answers beyond the bound.
    pub more_answers: usize,
    /// The absence of the goal, when there is no answer.
    pub absence: Option<NodeIndex>,
    /// The derivation graph.
    pub graph: Graph,
    /// Given facts looked at.
    pub facts_seen: usize,
    /// Rule instances left out of ranks and counts as they go round in a circle.
    pub circular: usize,
    /// Working by demand was given up and everything concluded.
    pub gave_up: bool,
    /// The bound on rule instances was met: counts are lower bounds.
    pub truncated: bool,
}

impl Explanation {
    /// The nodes that nothing lies above: the answers, or the absence.
    #[must_use]
    pub fn roots(&self) -> Vec<NodeIndex> {
        self.answers.iter().map(|a| a.node).chain(self.absence).collect()
    }
}

/// Explains why a goal follows from given facts, or why it does not.
///
/// # Errors
/// When a stated limit is met.
pub fn explain(program: &Program, facts: &Database, goal: &Goal, options: &Options) -> Result<Explanation, Limit> {
    let mut prover = Prover::new(program, facts.clone(), options.most_steps);
    explain_with(&mut prover, goal, options)
}

/// Explains with a prover that may have answered other questions before.
///
/// # Errors
/// When a stated limit is met.
pub fn explain_with(prover: &mut Prover<'_>, goal: &Goal, options: &Options) -> Result<Explanation, Limit> {
    let rows = answers(prover, goal)?;
    let mut builder = Builder::new(prover, options);
    let mut absence = None;
    let mut nodes = Vec::new();
    if options.best > 0 {
        nodes = builder.smallest(goal.rel, &rows[..rows.len().min(options.answers)])?;
    } else {
        for number in rows.iter().take(options.answers) {
            nodes.push((*number, 0, builder.fact(goal.rel, *number, options.absence_depth)));
        }
    }
    if rows.is_empty() {
        let pattern = pattern(&goal.args, builder.symbols());
        absence = Some(builder.absence(goal.rel, pattern, options.why_not_depth, None));
    }
    builder.finish()?;
    let (record, ranks, smallest, graph) = (builder.record, builder.ranks, builder.proofs, builder.graph);
    let mut out = Explanation {
        goal: goal.clone(),
        answers: Vec::new(),
        more_answers: rows.len().saturating_sub(options.answers),
        absence,
        graph,
        facts_seen: prover.seen(),
        circular: ranks.as_ref().map_or(0, |r| r.circular),
        gave_up: prover.gave_up(),
        truncated: record.truncated,
    };
    for (number, nth, node) in nodes {
        let row = prover.row(goal.rel, number);
        let (Some(ranks), Some(f)) = (&ranks, record.find(prover, goal.rel, row)) else { continue };
        let Some(levels) = ranks.level[f.index()] else {
            let what = "the bound on recorded rule instances was met before a proof was complete";
            return Err(Limit::Internal { what: what.into() });
        };
        let (levels, size) = match smallest.as_ref().and_then(|s| s.get(f).get(nth as usize)) {
            Some(d) => (d.levels, d.size),
            None => (levels, ranks.size[f.index()]),
        };
        let Node::Fact { proofs, .. } = out.graph[node] else { continue };
        out.answers.push(Answer { node, nth, proofs, levels, size });
    }
    Ok(out)
}

/// An answer of a goal with the minimal sets of given facts it follows from.
#[derive(Clone, Debug)]
pub struct Supported {
    /// The answer's values.
    pub values: Vec<graph::Value>,
    /// The sets, smallest first: relation and values of each fact.
    pub sets: Vec<Vec<(RelId, Vec<graph::Value>)>>,
    /// Whether a bound was met, so that sets may be missing.
    pub cut: bool,
}

/// Minimal sets of given facts from which the answers of a goal follow while what is absent stays absent. Rows of relations
/// for which `granted` holds are taken for granted. At most `most` sets of a fact are followed.
///
/// # Errors
/// When a stated limit is met.
pub fn supports(
    prover: &mut Prover<'_>,
    goal: &Goal,
    options: &Options,
    granted: &dyn Fn(RelId) -> bool,
    most: usize,
) -> Result<Vec<Supported>, Limit> {
    let rows = answers(prover, goal)?;
    let mut record = record::Record::default();
    let ids: Vec<_> = rows.iter().take(options.answers).map(|number| record.fact(prover, goal.rel, *number)).collect();
    record.follow(prover, options.most_instances)?;
    let plain = |rel: RelId, row: &[Word], prover: &Prover<'_>| -> Vec<graph::Value> {
        let words = row.iter().map(|w| Some(*w));
        typed::row(prover.program(), prover.text(), rel, words).into_iter().flatten().collect()
    };
    let mut out = Vec::new();
    for id in ids {
        let found = proofs::supports(&record, id, &|f| granted(f.rel), most);
        let mut sets = Vec::new();
        for set in &found.sets {
            let mut facts: Vec<_> = set.iter().map(|f| &record.facts[f.index()]).collect();
            facts.sort_by(|a, b| (a.rel, &a.row).cmp(&(b.rel, &b.row)));
            sets.push(facts.into_iter().map(|f| (f.rel, plain(f.rel, &f.row, prover))).collect());
        }
        let values = plain(goal.rel, &record.facts[id.index()].row, prover);
        out.push(Supported { values, sets, cut: found.cut || record.truncated });
    }
    Ok(out)
}

/// The answers of a goal as plain values, in order of what they show.
///
/// # Errors
/// When a stated limit is met.
pub fn answer_values(prover: &mut Prover<'_>, goal: &Goal) -> Result<Vec<Vec<graph::Value>>, Limit> {
    let rows = answers(prover, goal)?;
    let plain = |number: u32| -> Vec<graph::Value> {
        let words = prover.row(goal.rel, number).iter().map(|w| Some(*w));
        typed::row(prover.program(), prover.text(), goal.rel, words).into_iter().flatten().collect()
    };
    let mut out: Vec<_> = rows.into_iter().map(plain).collect();
    out.sort_by(|a, b| what_if::order(a, b));
    Ok(out)
}

/// The given facts that a goal can depend on, as a database of their own.
///
/// # Errors
/// When a stated limit is met.
pub fn slice(program: &Program, facts: &Database, goal: &Goal, options: &Options) -> Result<Database, Limit> {
    let mut prover = Prover::new(program, facts.clone(), options.most_steps);
    answers(&mut prover, goal)?;
    Ok(prover.slice())
}

/// Numbers of the rows that answer a goal, in order of their values.
fn answers(prover: &mut Prover<'_>, goal: &Goal) -> Result<Vec<u32>, Limit> {
    let pattern = pattern(&goal.args, prover.symbols());
    let columns: Vec<usize> = (0..pattern.len()).filter(|c| pattern[*c].is_some()).collect();
    let key: Vec<Word> = pattern.iter().copied().flatten().collect();
    let mut rows = Vec::new();
    prover.matching(goal.rel, &columns, &key, &mut rows)?;
    let prover = &*prover;
    rows.retain(|number| {
        let row = prover.row(goal.rel, *number);
        (0..row.len()).all(|a| {
            let same = |b: &usize| matches!((&goal.args[a], &goal.args[*b]), (Arg::Var(x), Arg::Var(y)) if x == y);
            (0..a).filter(same).all(|b| row[a] == row[b])
        })
    });
    // By their texts: in which order texts were interned must not show.
    let columns = &prover.program().rel(goal.rel).columns;
    rows.sort_by(|a, b| prover.text().compare_rows(columns, prover.row(goal.rel, *a), prover.row(goal.rel, *b)));
    Ok(rows)
}

fn pattern(args: &[Arg], symbols: &mut crate::engine::symbol::Symbols) -> Vec<Option<Word>> {
    let word = |arg: &Arg| match arg {
        Arg::Const(c) => Some(symbols.word(c)),
        _ => None,
    };
    args.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn it_is_said_when_sets_of_grounds_may_be_missing() {
        let text = ".decl a(x: number)\n.input a\na(1).\n.decl b(x: number)\n.input b\nb(1).\n\
                    .decl c(x: number)\nc(x) :- a(x).\nc(x) :- b(x).\n.decl d(x: number)\nd(x) :- c(x).\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let mut prover = Prover::new(&program, Database::new(&program), u64::MAX);
        let goal: Goal = crate::lang::query::parse_atom(&program, "d(1)").expect("an atom").into();
        let mut found = |most_instances: usize, most: usize| {
            let options = Options { most_instances, ..Options::default() };
            let all = supports(&mut prover, &goal, &options, &|_| false, most).expect("within limits");
            (all[0].sets.len(), all[0].cut)
        };
        assert_eq!(found(100, 100), (2, false));
        assert_eq!(found(100, 1), (1, true), "more sets than are followed");
        assert!(found(1, 100).1, "more steps than are followed");
    }
}
