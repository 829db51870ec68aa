//! Variables that occur once in a clause as written: most often a slip of the pen.

use crate::lang::ast::{Body, Clause, Expr, ExprKind};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::Span;
use rustc_hash::FxHashMap;

#[derive(Default)]
struct Count<'s> {
    of: FxHashMap<&'s str, (usize, Span)>,
    order: Vec<&'s str>,
}

impl<'s> Count<'s> {
    fn expr(&mut self, e: &Expr<'s>) {
        match &e.kind {
            ExprKind::Var(n) => match self.of.get_mut(n) {
                Some((k, _)) => *k += 1,
                None => {
                    self.of.insert(n, (1, e.span));
                    self.order.push(n);
                }
            },
            ExprKind::Call(_, args) | ExprKind::Range(args) => args.iter().for_each(|a| self.expr(a)),
            ExprKind::Cast(inner, _) => self.expr(inner),
            ExprKind::Aggregate(a) => {
                a.value.iter().for_each(|v| self.expr(v));
                self.body(&a.body);
            }
            _ => {}
        }
    }

    fn body(&mut self, b: &Body<'s>) {
        match b {
            Body::Atom(a) => a.args.iter().for_each(|e| self.expr(e)),
            Body::Compare { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            Body::Bool(..) => {}
            Body::Not(inner) => self.body(inner),
            Body::And(parts) | Body::Or(parts) => parts.iter().for_each(|p| self.body(p)),
        }
    }
}

/// Warns about variables used once, unless their name begins with `_` or an annotation mentions them as `{name}`. Those that nothing binds have an error instead.
pub(crate) fn check(c: &Clause<'_>, diags: &mut Vec<Diagnostic>) {
    let mut n = Count::default();
    c.heads.iter().flat_map(|h| &h.args).for_each(|e| n.expr(e));
    c.body.iter().for_each(|b| n.body(b));
    for name in &n.order {
        let (count, span) = n.of[name];
        let has_error = diags
            .iter()
            .rev()
            .take(64)
            .any(|d| d.code == codes::UNGROUNDED && d.primary.as_ref().is_some_and(|p| p.span == span));
        let place = format!("{{{name}}}");
        let worded = || c.notes.0.iter().any(|note| note.value.contains(&place));
        if count == 1 && !name.starts_with('_') && !has_error && !worded() {
            diags.push(
                Diagnostic::warning(codes::UNUSED_VARIABLE, format!("the variable `{name}` is used only once"), span)
                    .help(format!("write `_`, or `_{name}` to keep the name")),
            );
        }
    }
}
