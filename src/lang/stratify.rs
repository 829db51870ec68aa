//! Strata: groups of relations that depend on each other, in an order of evaluation.

use super::check::reads;
use super::codes;
use super::diagnostic::Diagnostic;
use super::open::lists_only;
use super::program::{Literal, Program, RelId, RelationKind, RuleId, Span, Stratum};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// One reading of a relation by a rule.
#[derive(Clone, Copy)]
struct Edge {
    from: usize,
    to: usize,
    rule: usize,
    literal: usize,
    positive: bool,
}

/// The strata of a program; cycles through negation or aggregates are reported.
pub(crate) fn stratify(program: &Program, diags: &mut Vec<Diagnostic>) -> Vec<Stratum> {
    let n = program.relations.len();
    let mut edges: Vec<Edge> = Vec::new();
    for (r, rule) in program.rules.iter().enumerate() {
        for (l, lit) in rule.body.iter().enumerate() {
            if let Some((rel, positive)) = reads(lit) {
                edges.push(Edge { from: rel.index(), to: rule.head.index(), rule: r, literal: l, positive });
            }
        }
    }
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(n, edges.len());
    (0..n).for_each(|_| {
        graph.add_node(());
    });
    for e in &edges {
        graph.add_edge(NodeIndex::new(e.from), NodeIndex::new(e.to), ());
    }
    let mut group = vec![0; n];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    // Iterative, unlike Tarjan's algorithm in the same crate: long chains of relations do not use up the stack.
    for scc in kosaraju_scc(&graph) {
        let mut members: Vec<usize> = scc.into_iter().map(NodeIndex::index).collect();
        members.sort_unstable();
        members.iter().for_each(|m| group[*m] = groups.len());
        groups.push(members);
    }
    report_cycles(program, &edges, &group, diags);

    // Topological order, always the group with the smallest relation first: independent of the algorithm above.
    let mut waits = vec![0usize; groups.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    let mut recursive = vec![false; groups.len()];
    for e in &edges {
        let (a, b) = (group[e.from], group[e.to]);
        if a == b {
            recursive[a] = true;
        } else {
            waits[b] += 1;
            feeds[a].push(b);
        }
    }
    let mut ready: BinaryHeap<Reverse<(usize, usize)>> =
        (0..groups.len()).filter(|g| waits[*g] == 0).map(|g| Reverse((groups[g][0], g))).collect();
    let mut place = vec![0; groups.len()];
    let mut strata: Vec<Stratum> = Vec::with_capacity(groups.len());
    while let Some(Reverse((_, g))) = ready.pop() {
        place[g] = strata.len();
        let relations = groups[g].iter().map(|r| RelId(*r as u32)).collect();
        strata.push(Stratum { relations, rules: Vec::new(), recursive: recursive[g] });
        for f in &feeds[g] {
            waits[*f] -= 1;
            if waits[*f] == 0 {
                ready.push(Reverse((groups[*f][0], *f)));
            }
        }
    }
    for (r, rule) in program.rules.iter().enumerate() {
        strata[place[group[rule.head.index()]]].rules.push(RuleId(r as u32));
    }
    strata
}

fn report_cycles(program: &Program, edges: &[Edge], group: &[usize], diags: &mut Vec<Diagnostic>) {
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut done: Vec<Span> = Vec::new();
    for bad in edges.iter().filter(|e| !e.positive && group[e.from] == group[e.to]) {
        let literal = &program.rules[bad.rule].body[bad.literal];
        let (span, aggregate) = match literal {
            Literal::Not(a) => (a.span, false),
            Literal::Aggregate { rel, .. } if lists_only(program, *rel, &|r| group[r.index()] == group[bad.from]) => {
                continue;
            }
            Literal::Aggregate { span, .. } => (*span, true),
            _ => continue,
        };
        if done.contains(&span) {
            continue;
        }
        done.push(span);
        if out.is_empty() {
            out = vec![Vec::new(); group.len()];
            edges.iter().enumerate().for_each(|(i, e)| out[e.from].push(i));
        }
        let path = shortest(edges, &out, group, bad.to, bad.from);
        diags.push(describe(program, edges, bad, span, aggregate, &path));
    }
}

/// The fewest edges from one relation to another inside their group; empty when they are the same.
fn shortest(edges: &[Edge], out: &[Vec<usize>], group: &[usize], from: usize, to: usize) -> Vec<usize> {
    let mut came: Vec<Option<usize>> = vec![None; group.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(r) = queue.pop_front() {
        if r == to {
            break;
        }
        for i in &out[r] {
            let t = edges[*i].to;
            if group[t] == group[from] && t != from && came[t].is_none() {
                came[t] = Some(*i);
                queue.push_back(t);
            }
        }
    }
    let mut path = Vec::new();
    let mut at = to;
    while at != from {
        let Some(i) = came[at] else { break };
        path.push(i);
        at = edges[i].from;
    }
    path.reverse();
    path
}

fn describe(program: &Program, edges: &[Edge], bad: &Edge, span: Span, aggregate: bool, path: &[usize]) -> Diagnostic {
    let named = |r: usize| {
        let rel = &program.relations[r];
        if rel.kind == RelationKind::Aggregate { String::from("the aggregate") } else { format!("`{}`", rel.name) }
    };
    let head = named(bad.to);
    let (code, message) = if aggregate {
        (codes::AGGREGATE_CYCLE, format!("{head} depends on an aggregate over itself"))
    } else {
        (codes::NEGATIVE_CYCLE, format!("{head} depends on its own negation"))
    };
    let mut d = Diagnostic::error(code, message, span).label(if aggregate {
        "an aggregate needs its relation finished first"
    } else {
        "a negation needs its relation finished first"
    });
    let cycle = path.iter().map(|i| edges[*i]).chain([*bad]);
    for e in cycle {
        let rule = &program.rules[e.rule];
        let how = match rule.body.get(e.literal) {
            Some(Literal::Not(_)) => format!("not {}", named(e.from)),
            Some(Literal::Aggregate { .. }) => String::from("an aggregate"),
            _ => named(e.from),
        };
        let is_aggregate = program.relations[e.to].kind == RelationKind::Aggregate;
        let verb = if is_aggregate { "reads" } else { "is concluded from" };
        d = d.note(format!("{}: {} {verb} {how}", program.place(rule.span), named(e.to)));
        if rule.span != program.rules[bad.rule].span {
            let s = match rule.body.get(e.literal) {
                Some(Literal::Atom(a) | Literal::Not(a)) => a.span,
                Some(Literal::Aggregate { span, .. }) => *span,
                _ => rule.span,
            };
            d = d.also(s, format!("{} {verb} {how} here", named(e.to)));
        }
    }
    d.help(
        "split one of the relations so that the part that is negated or aggregated does not depend on the conclusion",
    )
}
