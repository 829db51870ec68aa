//! Words to plain values with their declared types.

use super::graph::{Binding, Value, constant};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Prim, Program, RelId, Rule, RuleId, Term, TypeId, Var};

/// Values of a row or pattern of a relation.
pub fn row(
    program: &Program,
    symbols: &Symbols,
    rel: RelId,
    words: impl Iterator<Item = Option<Word>>,
) -> Vec<Option<Value>> {
    let columns = &program.rel(rel).columns;
    columns.iter().zip(words).map(|(c, w)| w.map(|w| Value { value: constant(c.prim, w, symbols), ty: c.ty })).collect()
}

/// The variables of a rule with their values.
#[must_use]
pub fn bindings(program: &Program, symbols: &Symbols, rule: RuleId, vars: &[Option<Word>]) -> Vec<Binding> {
    let value = |(var, word): (&Var, &Option<Word>)| Binding {
        name: var.name.clone(),
        ty: var.ty,
        value: word.map(|w| constant(var.prim, w, symbols)),
    };
    program.rule(rule).vars.iter().zip(vars).map(value).collect()
}

/// The type in which the sides of a comparison are best shown: a declared type of a variable on either side (a date rather
/// than a number), else the machine type.
#[must_use]
pub fn of_comparison(program: &Program, rule: &Rule, prim: Prim, left: &Term, right: &Term) -> TypeId {
    fn first(rule: &Rule, program: &Program, prim: Prim, term: &Term) -> Option<TypeId> {
        match term {
            Term::Var(v) => {
                let var = &rule.vars[v.index()];
                (var.prim == prim && program.types.get(var.ty.0 as usize).is_some_and(|t| t.parent.is_some()))
                    .then_some(var.ty)
            }
            Term::Const(_) => None,
            Term::Apply { args, .. } => args.iter().find_map(|t| first(rule, program, prim, t)),
        }
    }
    // The difference of two dates is no date.
    let shown = |t: &Term| match t {
        Term::Apply { op: crate::lang::program::Functor::Sub, args, .. }
            if args.iter().all(|a| matches!(a, Term::Var(_))) =>
        {
            None
        }
        t => first(rule, program, prim, t),
    };
    let machine = match prim {
        Prim::Symbol => 0,
        Prim::Number => 1,
        Prim::Unsigned => 2,
        Prim::Float => 3,
    };
    shown(left).or_else(|| shown(right)).unwrap_or(TypeId(machine))
}
