//! What belongs to a narrative without being a part of the proof: conclusions that hang on an answer, and remarks and warnings
//! on the same case.

use crate::engine::limit::Limit;
use crate::lang::program::{Arg, Const, Program, RelId, TypeId, VarId};
use crate::proof::demand::Prover;
use crate::proof::graph::{Node, Value};
use crate::proof::{Explanation, Goal, Options, explain_with};

/// Most answers of which it is told what hangs on them.
const BESIDE: usize = 6;

/// What belongs to each answer (or to the absence): conclusions of the relations that the rulebook names beside the relation
/// asked about (`//@ beside RELATION COLUMN[=COLUMN]...`), and of derived relations that belong to whatever speaks of the same
/// things (`//@ context COLUMN[=VALUE]...`: the column has a value asked about, or VALUE).
///
/// # Errors
/// When a stated limit is met.
pub fn beside(prover: &mut Prover<'_>, explanation: &Explanation) -> Result<Vec<Vec<Explanation>>, Limit> {
    let program = prover.program();
    if explanation.answers.len() > BESIDE {
        return Ok(Vec::new());
    }
    let options = Options { absence_depth: 0, answers: 40, ..Options::default() };
    let mut out = Vec::new();
    for root in explanation.roots() {
        let (rel, values, holds): (_, Vec<Option<Value>>, _) = match &explanation.graph[root] {
            Node::Fact { rel, values, .. } => (*rel, values.iter().cloned().map(Some).collect(), true),
            Node::Absent { rel, pattern, .. } => (*rel, pattern.clone(), false),
            _ => continue,
        };
        let mut of = Vec::new();
        let goals = hanging(program, rel, &values).into_iter().filter(|_| holds);
        for goal in goals.chain(context(program, rel, &values)) {
            of.push(explain_with(prover, &goal, &options)?);
        }
        out.push(of);
    }
    Ok(out)
}

fn open(program: &Program, rel: RelId) -> Vec<Arg> {
    (0..program.rel(rel).arity()).map(|i| Arg::Var(VarId(i as u32))).collect()
}

/// What hangs on an answer.
fn hanging(program: &Program, rel: RelId, values: &[Option<Value>]) -> Vec<Goal> {
    let mut out = Vec::new();
    for note in program.rel(rel).notes.all("beside") {
        let mut words = note.split_whitespace();
        let Some(there) = words.next().and_then(|w| program.relation(w)) else { continue };
        let column = |rel: RelId, name: &str| program.rel(rel).columns.iter().position(|c| c.name == name);
        let mut args = open(program, there);
        for pair in words {
            let (a, b) = pair.split_once('=').unwrap_or((pair, pair));
            if let (Some(a), Some(b)) = (column(rel, a), column(there, b))
                && let Some(v) = &values[a]
            {
                args[b] = Arg::Const(v.value.clone());
            }
        }
        out.push(Goal { rel: there, args });
    }
    out
}

/// Rows of derived relations that speak of the same things as what is asked. The first column must be known.
fn context(program: &Program, rel: RelId, values: &[Option<Value>]) -> Vec<Goal> {
    let mut out = Vec::new();
    for (i, r) in program.relations.iter().enumerate() {
        let there = RelId(i as u32);
        let derived = program.rules.iter().any(|rule| rule.head == there);
        let Some(note) = r.notes.get("context").filter(|_| derived && there != rel) else { continue };
        let mut goals: Vec<Vec<Arg>> = vec![open(program, there)];
        for (n, word) in note.split_whitespace().enumerate() {
            let (name, other) = word.split_once('=').map_or((word, None), |(a, b)| (a, Some(b)));
            let Some(at) = r.columns.iter().position(|c| c.name == name) else { continue };
            let mut known = asked(values, r.columns[at].ty);
            if known.is_empty() {
                if n == 0 {
                    goals.clear();
                }
                continue;
            }
            known.extend(other.map(|o| Const::Symbol(o.into())));
            let with = |args: Vec<Arg>| {
                let fill = move |value: &Const| {
                    let mut args = args.clone();
                    args[at] = Arg::Const(value.clone());
                    args
                };
                known.iter().map(fill).collect::<Vec<_>>()
            };
            goals = goals.into_iter().flat_map(with).collect();
        }
        out.extend(goals.into_iter().map(|args| Goal { rel: there, args }));
    }
    out
}

/// Values of a type among those asked about, each once.
fn asked(values: &[Option<Value>], ty: TypeId) -> Vec<Const> {
    let mut out: Vec<Const> = Vec::new();
    for v in values.iter().flatten().filter(|v| v.ty == ty) {
        if !out.contains(&v.value) {
            out.push(v.value.clone());
        }
    }
    out
}
