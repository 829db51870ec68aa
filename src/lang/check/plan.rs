//! `.plan` lines. The engine plans by itself, so they change nothing; but one that no engine could follow is a slip.

use crate::lang::ast::{Body, Plan};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{ClauseId, Literal, Program};

/// Reports plans whose order is not one of the clause's positive atoms, or whose version the clause does not have: a
/// version stands for one atom of the recursion.
pub(crate) fn check(program: &Program, plans: &[(ClauseId, usize, Plan)], diags: &mut Vec<Diagnostic>) {
    for (id, atoms, plan) in plans {
        let (version, order, span) = plan;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let whole: Vec<u64> = (1..=*atoms as u64).collect();
        if sorted != whole {
            diags.push(
                Diagnostic::error(codes::BAD_PARAMETER, "this plan does not order the clause's positive atoms", *span)
                    .note(format!("the clause has {atoms} of them"))
                    .help("name each once, by its number from 1, or leave the plan out: the engine plans by itself"),
            );
        }
        let mut versions = 1;
        for s in &program.strata {
            for rule in s.rules.iter().map(|r| program.rule(*r)).filter(|r| r.clause == *id) {
                let own = |l: &&Literal| matches!(l, Literal::Atom(a) if s.relations.contains(&a.rel));
                versions = versions.max(rule.body.iter().filter(own).count() as u64);
            }
        }
        if *version >= versions {
            diags.push(
                Diagnostic::error(codes::BAD_PARAMETER, format!("the clause has no version {version}"), *span)
                    .note(format!("versions go from 0 to {}, one for each atom of the recursion", versions - 1))
                    .help("leave the plan out: the engine plans by itself"),
            );
        }
    }
}

/// Number of positive atoms of a conjunction; `None` when the body has alternatives.
pub(crate) fn atoms(body: Option<&Body<'_>>) -> Option<usize> {
    match body {
        None => Some(0),
        Some(Body::Atom(_)) => Some(1),
        Some(Body::And(parts)) => parts.iter().map(|p| atoms(Some(p))).sum(),
        Some(Body::Or(_)) => None,
        Some(Body::Not(_) | Body::Compare { .. } | Body::Bool(..)) => Some(0),
    }
}
