//! The slow obvious evaluator, kept for ever: stratum by stratum, all rules again and again until nothing is new.
//!
//! It shares nothing with the fast engine but the scalar functors, so that a difference between the two is a fault of
//! one of them.

pub mod body;
pub mod heap;

use super::limit::{Limit, Options};
use super::store::Database;
use super::symbol::Symbols;
use super::value::Word;
use crate::lang::program::{Literal, Program, RelId, RelationKind, Rule, Stratum};
use body::Source;
use heap::Heap;
use std::ops::ControlFlow;

/// All conclusions of a program over given facts, within the default bounds.
///
/// # Errors
/// When a stated limit is met.
pub fn evaluate(program: &Program, facts: Database) -> Result<Database, Limit> {
    evaluate_within(program, facts, &Options::single())
}

/// All conclusions of a program over given facts; of the options only the bounds on rows and rounds count.
///
/// # Errors
/// When a stated limit is met.
pub fn evaluate_within(program: &Program, mut facts: Database, bounds: &Options) -> Result<Database, Limit> {
    if facts.tables.len() != program.relations.len() {
        return Err(Limit::Internal { what: "the database was made for another program".into() });
    }
    facts.add_program_facts(program);
    let heaps = facts.tables.iter().map(Heap::from_table).collect();
    let mut store = Store { symbols: facts.symbols, heaps };
    for stratum in &program.strata {
        run_stratum(program, stratum, &mut store, bounds)?;
    }
    let tables = store.heaps.into_iter().map(Heap::into_table).collect();
    Ok(Database { symbols: store.symbols, tables })
}

fn run_stratum(program: &Program, stratum: &Stratum, store: &mut Store, bounds: &Options) -> Result<(), Limit> {
    let mut rounds = 0;
    loop {
        let mut grown = false;
        for id in &stratum.rules {
            let rule = program.rule(*id);
            if stratum.recursive && rule.body.iter().any(|l| lists(program, stratum, l)) {
                list_groups(program, stratum, store)?;
            }
            for row in heads(program, rule, store)? {
                grown |= store.heaps[rule.head.index()].insert(&row).1;
            }
            if store.heaps[rule.head.index()].len() > bounds.max_rows {
                return Err(Limit::Rows {
                    relation: program.rel(rule.head).name.clone(),
                    bound: bounds.max_rows,
                    span: rule.span,
                    place: program.place(rule.span),
                });
            }
        }
        if !grown {
            return Ok(());
        }
        rounds += 1;
        if rounds > bounds.max_rounds {
            let names: Vec<&str> = stratum.relations.iter().map(|r| program.rel(*r).name.as_str()).collect();
            let Some(first) = stratum.rules.first() else { return Ok(()) };
            let span = program.rule(*first).span;
            return Err(Limit::Rounds {
                relations: names.join(", "),
                bound: bounds.max_rounds,
                span,
                place: program.place(span),
            });
        }
    }
}

/// Whether a literal aggregates over a relation of its own stratum, which lists the groups known so far.
fn lists(program: &Program, stratum: &Stratum, literal: &Literal) -> bool {
    matches!(literal, Literal::Aggregate { rel, .. }
        if stratum.relations.contains(rel) && program.rel(*rel).kind == RelationKind::Aggregate)
}

/// Completes the bodies of aggregates inside recursion for the groups known now.
fn list_groups(program: &Program, stratum: &Stratum, store: &mut Store) -> Result<(), Limit> {
    for id in &stratum.rules {
        let rule = program.rule(*id);
        if program.rel(rule.head).kind == RelationKind::Aggregate {
            for row in heads(program, rule, store)? {
                store.heaps[rule.head.index()].insert(&row);
            }
        }
    }
    Ok(())
}

/// What one rule concludes from what is known now.
fn heads(program: &Program, rule: &Rule, store: &mut Store) -> Result<Vec<Vec<Word>>, Limit> {
    let mut out = Vec::new();
    let open = vec![None; rule.vars.len()];
    body::enumerate(program, rule, &open, false, store, &mut |found, source| {
        let row = rule.args.iter().map(|t| body::eval(t, found.vars, source.symbols()));
        out.push(row.collect::<Result<Vec<Word>, _>>().map_err(|f| Limit::fault(program, rule.span, f))?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(out)
}

/// What is known so far.
struct Store {
    symbols: Symbols,
    heaps: Vec<Heap>,
}

impl Source for Store {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        self.heaps[rel.index()].matching(columns, key, out);
        Ok(())
    }

    fn row(&self, rel: RelId, number: u32) -> &[Word] {
        self.heaps[rel.index()].row(number)
    }

    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64 {
        self.heaps[rel.index()].fan_out(columns)
    }

    fn symbols(&mut self) -> &mut Symbols {
        &mut self.symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Table;
    use crate::engine::value::{from_number, to_number};
    use crate::lang::program::*;

    const SPAN: Span = Span { file: 0, start: 0, end: 0 };

    fn relation(name: &str, arity: usize, kind: RelationKind) -> Relation {
        let column = |i| Column { name: format!("c{i}"), ty: TypeId(1), prim: Prim::Number };
        Relation {
            name: name.into(),
            columns: (0..arity).map(column).collect(),
            kind,
            notes: Notes::default(),
            span: SPAN,
            inputs: vec![],
            outputs: vec![],
            printsize: false,
            limitsize: None,
        }
    }

    fn rule(head: u32, args: &[u32], body: Vec<Literal>) -> Rule {
        let var = |i| Var { name: format!("v{i}"), ty: TypeId(1), prim: Prim::Number };
        let args = args.iter().map(|v| Term::Var(VarId(*v))).collect();
        Rule { head: RelId(head), args, body, vars: (0..4).map(var).collect(), clause: ClauseId(0), span: SPAN }
    }

    fn atom(rel: u32, args: &[u32]) -> Atom {
        Atom { rel: RelId(rel), args: args.iter().map(|v| Arg::Var(VarId(*v))).collect(), span: SPAN }
    }

    /// Edges 1-2-3-4 and 4-2: who reaches whom, who does not, and how many each reaches.
    #[test]
    fn recursion_absence_and_aggregate() {
        let declared = RelationKind::Declared;
        let n = |k| Term::Const(Const::Number(k));
        let v = |k| Term::Var(VarId(k));
        let positive = |rel, args: &[u32]| Literal::Atom(atom(rel, args));
        let sum = Term::Apply { op: Functor::Add, prim: Prim::Number, args: vec![v(1), n(10)] };
        let program = Program {
            relations: vec![
                relation("edge", 2, declared),
                relation("path", 2, declared),
                relation("apart", 2, declared),
                relation("$count", 2, RelationKind::Aggregate),
                relation("reach", 2, declared),
            ],
            rules: vec![
                rule(1, &[0, 1], vec![positive(0, &[0, 1])]),
                rule(1, &[0, 2], vec![positive(1, &[0, 1]), positive(1, &[1, 2])]),
                rule(
                    2,
                    &[0, 2],
                    vec![
                        Literal::Not(atom(1, &[0, 2])),
                        positive(0, &[0, 1]),
                        Literal::Compare { op: CmpOp::Le, prim: Prim::Number, left: v(2), right: v(0), span: SPAN },
                        positive(0, &[2, 3]),
                    ],
                ),
                rule(3, &[0, 1], vec![positive(1, &[0, 1])]),
                rule(
                    4,
                    &[0, 2],
                    vec![
                        Literal::Compare { op: CmpOp::Eq, prim: Prim::Number, left: v(2), right: sum, span: SPAN },
                        Literal::Aggregate {
                            op: AggOp::Count,
                            rel: RelId(3),
                            group: vec![Arg::Var(VarId(0))],
                            value: None,
                            prim: Prim::Number,
                            result: VarId(1),
                            span: SPAN,
                        },
                        Literal::Range {
                            var: VarId(0),
                            prim: Prim::Number,
                            from: n(5),
                            to: n(0),
                            step: None,
                            span: SPAN,
                        },
                    ],
                ),
            ],
            strata: [
                (vec![1], vec![0, 1], true),
                (vec![2], vec![2], false),
                (vec![3], vec![3], false),
                (vec![4], vec![4], false),
            ]
            .into_iter()
            .map(|(relations, rules, recursive)| Stratum {
                relations: relations.into_iter().map(RelId).collect(),
                rules: rules.into_iter().map(RuleId).collect(),
                recursive,
            })
            .collect(),
            ..Program::default()
        };
        let mut db = Database::new(&program);
        let edges = [1, 2, 2, 3, 3, 4, 4, 2].map(from_number);
        db.tables[0] = Table::from_rows(2, edges.to_vec());
        let out = evaluate(&program, db).expect("no limit is near");
        let show = |i: usize| {
            let pair = |r: &[Word]| (to_number(r[0]), to_number(r[1]));
            out.tables[i].rows().map(pair).collect::<Vec<_>>()
        };
        let inner = |a: i32| (2..=4).map(move |b| (a, b));
        assert_eq!(show(1), (1..=4).flat_map(inner).collect::<Vec<_>>());
        assert_eq!(show(2), [(1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(show(4), [(1, 13), (2, 13), (3, 13), (4, 13), (5, 10)]);
    }

    #[test]
    fn the_order_of_rules_does_not_matter_to_an_aggregate_inside_recursion() {
        let text = ".decl q(x: number, y: number)\nq(1, 5).\nq(1, 6).\nq(2, 7).\nq(3, 8).\n\
                    .decl h(x: number, n: number)\nh(1, 0).\n\
                    h(x + 1, n) :- h(x, _), x < 4, n = count : { q(y, _), y <= x }.\n";
        let mut program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let rows = |p: &Program| {
            let all = evaluate(p, Database::new(p)).unwrap();
            let rel = p.relation("h").unwrap();
            all.table(rel).rows().map(|r| [to_number(r[0]), to_number(r[1])]).collect::<Vec<_>>()
        };
        let want = [[1, 0], [2, 2], [3, 3], [4, 4]];
        assert_eq!(rows(&program), want);
        // Who aggregates comes before who lists the groups.
        let turned: Vec<usize> = program.strata.iter().map(|s| s.rules.len()).collect();
        assert!(turned.contains(&2), "{turned:?}");
        program.strata.iter_mut().for_each(|s| s.rules.reverse());
        assert_eq!(rows(&program), want);
    }

    #[test]
    fn what_no_compiler_gives_is_refused() {
        let declared = RelationKind::Declared;
        let test = Literal::Compare {
            op: CmpOp::Lt,
            prim: Prim::Number,
            left: Term::Var(VarId(0)),
            right: Term::Var(VarId(1)),
            span: SPAN,
        };
        let all = RelId(0);
        let program = Program {
            relations: vec![relation("free", 1, declared)],
            rules: vec![rule(0, &[0], vec![test])],
            strata: vec![Stratum { relations: vec![all], rules: vec![RuleId(0)], recursive: false }],
            ..Program::default()
        };
        let found = evaluate(&program, Database::new(&program));
        assert!(matches!(found, Err(Limit::Internal { .. })), "{found:?}");
    }
}
