//! What a wanted row says about the variables of a rule that could conclude it.

use crate::engine::functor;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Found, Source};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Functor, Prim, Program, Rule, Term};
use std::ops::ControlFlow;

/// Values of the rule's variables when its head is to be the pattern; `None` when it cannot be. The head terms `v + c`,
/// `c + v` and `v - c` are solved for `v` (which asking by demand must not do: the questions would not end).
#[must_use]
pub fn unify(rule: &Rule, pattern: &[Option<Word>], symbols: &mut Symbols) -> Option<Vec<Option<Word>>> {
    let mut vars = vec![None; rule.vars.len()];
    for (term, want) in rule.args.iter().zip(pattern) {
        let Some(want) = *want else { continue };
        match term {
            Term::Var(v) => match vars[v.index()] {
                None => vars[v.index()] = Some(want),
                Some(w) if w == want => {}
                Some(_) => return None,
            },
            Term::Const(c) => {
                if symbols.word(c) != want {
                    return None;
                }
            }
            Term::Apply { .. } => {}
        }
    }
    for (term, want) in rule.args.iter().zip(pattern) {
        if let (Term::Apply { op, prim, args }, Some(want)) = (term, *want) {
            solve(*op, *prim, args, want, &mut vars, symbols);
        }
    }
    Some(vars)
}

/// Calls `found` with every match of the body of a rule with which it concludes a row; see [`body::enumerate`].
///
/// # Errors
/// When a functor has no value, the source meets a limit, or `found` does.
pub fn concluding(
    (program, rule): (&Program, &Rule),
    row: &[Word],
    every: bool,
    source: &mut dyn Source,
    found: &mut Found<'_>,
) -> Result<(), Limit> {
    let pattern: Vec<Option<Word>> = row.iter().map(|w| Some(*w)).collect();
    let Some(start) = unify(rule, &pattern, source.symbols()) else { return Ok(()) };
    body::enumerate(program, rule, &start, every, source, &mut |m, source| {
        let mut terms = rule.args.iter().zip(row);
        if terms.all(|(t, want)| body::eval(t, m.vars, source.symbols()) == Ok(*want)) {
            found(m, source)
        } else {
            Ok(ControlFlow::Continue(()))
        }
    })
}

fn solve(op: Functor, prim: Prim, args: &[Term], want: Word, vars: &mut [Option<Word>], symbols: &mut Symbols) {
    if !matches!(prim, Prim::Number | Prim::Unsigned) {
        return;
    }
    let (v, other, inverse) = match (op, args) {
        (Functor::Add, [Term::Var(v), t] | [t, Term::Var(v)]) => (*v, t, Functor::Sub),
        (Functor::Sub, [Term::Var(v), t]) => (*v, t, Functor::Add),
        _ => return,
    };
    let bound: Vec<bool> = vars.iter().map(Option::is_some).collect();
    if vars[v.index()].is_some() || !body::evaluable(other, &bound) {
        return;
    }
    let value = body::eval(other, vars, symbols).and_then(|c| functor::apply(inverse, prim, &[want, c], symbols));
    // No value means no such row; the enumeration then finds none, only later.
    if let Ok(value) = value {
        vars[v.index()] = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::{from_number, to_number};
    use crate::lang::program::SourceFile;

    #[test]
    fn what_is_known_is_not_worked_out() {
        let text = ".decl p(x: number)\n.input p\n.decl h(x: number, y: number, z: number)\n\
                    h(x, x + 1, y - x) :- p(x), p(y).\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let found = |x: Option<i32>, next: Option<i32>, from: Option<i32>| {
            let pattern = [x, next, from].map(|v| v.map(from_number));
            let vars = unify(&program.rules[0], &pattern, &mut Symbols::default()).expect("no constant in the head");
            [0, 1].map(|v| vars[v].map(to_number))
        };
        assert_eq!(found(None, Some(4), None), [Some(3), None]);
        assert_eq!(found(None, Some(4), Some(5)), [Some(3), Some(8)]);
        assert_eq!(found(Some(7), Some(4), None), [Some(7), None], "the row cannot be, which is found out later");
        assert_eq!(found(None, None, Some(5)), [None, None]);
    }
}
