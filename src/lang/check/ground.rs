//! What binds a variable, and which variables nothing binds.
//!
//! A variable of a scope is bound when, in some order of the literals,
//! * it stands as an argument of a positive atom of the scope, or
//! * it is one side of `=` whose other side has only bound variables (an aggregate in it needs those variables bound that
//!   it shares with the scope), or
//! * it is a variable of an outer scope, which binds it.
//!
//! Every other literal needs all its variables bound. So an evaluator that runs any literal as soon as its variables are
//! bound, taking `=` with exactly one unbound variable side as an assignment, never gets stuck on a checked rule.

use super::core::{CAgg, CExpr, CLit, Core, Scope, V};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{CmpOp, Span};

/// Whether a value can be computed from bound variables.
fn ready(e: &CExpr, bound: &[bool]) -> bool {
    let mut ok = true;
    e.each_var(&mut |v, _| ok &= bound[v]);
    ok
}

/// Grows `bound` by what the literals of a scope bind, leaving out literal `skip`.
fn close(scope: &Scope, bound: &mut [bool], skip: Option<usize>) {
    let mut changed = true;
    while changed {
        changed = false;
        let mut bind = |v: V, bound: &mut [bool]| {
            if !bound[v] {
                bound[v] = true;
                changed = true;
            }
        };
        for (i, l) in scope.lits.iter().enumerate() {
            if skip == Some(i) {
                continue;
            }
            match l {
                CLit::Atom(a) => a.args.iter().filter_map(CExpr::as_var).for_each(|v| bind(v, bound)),
                CLit::Compare { op: CmpOp::Eq, left, right, .. } => {
                    if let Some(v) = left.as_var()
                        && ready(right, bound)
                    {
                        bind(v, bound);
                    }
                    if let Some(v) = right.as_var()
                        && ready(left, bound)
                    {
                        bind(v, bound);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Variables bound in a scope, given those that scopes around it bind, without the help of literal `skip`.
pub(crate) fn bound_without(core: &Core<'_>, scope: &Scope, outer: &[V], skip: Option<usize>) -> Vec<bool> {
    let mut bound = vec![false; core.vars.len()];
    outer.iter().for_each(|v| bound[*v] = true);
    close(scope, &mut bound, skip);
    bound
}

/// Reports every variable that nothing binds.
pub(crate) fn check(core: &Core<'_>, diags: &mut Vec<Diagnostic>) {
    let mut reported = vec![false; core.vars.len()];
    check_scope(core, &core.root, &[], &mut reported, diags);
}

fn check_scope(core: &Core<'_>, scope: &Scope, outer: &[V], reported: &mut [bool], diags: &mut Vec<Diagnostic>) {
    let bound = bound_without(core, scope, outer, None);
    let mut report = |v: V, span: Span, at: &str| {
        if !bound[v] && core.vars[v].scope == scope.id && !std::mem::replace(&mut reported[v], true) {
            diags.push(ungrounded(core, scope, v, span, at));
        }
    };
    for l in &scope.lits {
        let at = match l {
            CLit::Not(_) => "a negated atom needs its variables bound",
            CLit::Atom(_) => "a functor needs its variables bound",
            CLit::Compare { op: CmpOp::Eq, .. } => "`=` binds one side only when the other side is bound",
            _ => "a comparison needs its variables bound",
        };
        l.each_var(&mut |v, span| report(v, span, at));
    }
    if scope.id == core.root.id {
        core.head.args.iter().for_each(|e| e.each_var(&mut |v, span| report(v, span, "the head needs it bound")));
    }
    let mut inner: Vec<&CAgg> = Vec::new();
    scope.lits.iter().flat_map(CLit::exprs).for_each(|e| e.each_agg(&mut |a| inner.push(a)));
    if scope.id == core.root.id {
        core.head.args.iter().for_each(|e| e.each_agg(&mut |a| inner.push(a)));
    }
    for a in inner {
        check_scope(core, &a.scope, &a.shared, reported, diags);
        if let Some(v) = &a.value {
            let inside = bound_without(core, &a.scope, &a.shared, None);
            v.each_var(&mut |x, span| {
                if !inside[x] && !std::mem::replace(&mut reported[x], true) {
                    diags.push(ungrounded(core, &a.scope, x, span, "the aggregate takes its value"));
                }
            });
        }
    }
}

fn ungrounded(core: &Core<'_>, scope: &Scope, v: V, span: Span, at: &str) -> Diagnostic {
    let name = core.vars[v].name;
    let mut d = Diagnostic::error(codes::UNGROUNDED, format!("nothing binds the variable `{name}`"), span).label(at);
    let mut inside: Option<Span> = None;
    let mut look = |e: &CExpr| {
        e.each_agg(&mut |a| {
            if a.shared.contains(&v) && inside.is_none() {
                inside = Some(e.span);
            }
        });
    };
    scope.lits.iter().flat_map(CLit::exprs).for_each(&mut look);
    core.head.args.iter().for_each(&mut look);
    if let Some(s) = inside {
        d = d
            .also(s, format!("an aggregate uses `{name}` but binds nothing outside itself"))
            .help(format!("bind `{name}` by a positive atom outside the aggregate, or rename it inside"));
    } else if scope.lits.iter().any(|l| matches!(l, CLit::Not(a) if a.args.iter().any(|e| e.as_var() == Some(v)))) {
        d = d.help(format!("bind `{name}` by a positive atom, or write `_` if any value will do"));
    } else {
        d = d.help(format!("bind `{name}` by a positive atom of the body"));
    }
    d
}
