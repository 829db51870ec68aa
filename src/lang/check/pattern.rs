//! Patterns of `match` that stand in the text.

use super::core::{CExpr, CKind, CLit, Core, Scope};
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::CmpOp;
use crate::lang::{codes, pattern};

/// Whether this pattern is a constant that is no regular expression: neither `match` nor `!match` of it ever holds.
pub(crate) fn never(op: CmpOp, left: &CExpr) -> bool {
    matches!(op, CmpOp::Match | CmpOp::NotMatch) && matches!(&left.kind, CKind::Str(s) if pattern::compile(s).is_err())
}

/// Reports patterns that are no regular expressions: as errors where another engine may understand them, else as warnings.
pub(crate) fn check(core: &Core<'_>, diags: &mut Vec<Diagnostic>) {
    scope(&core.root, diags);
    core.head.args.iter().for_each(|e| e.each_agg(&mut |a| scope(&a.scope, diags)));
}

fn scope(s: &Scope, diags: &mut Vec<Diagnostic>) {
    for l in &s.lits {
        if let CLit::Compare { op: CmpOp::Match | CmpOp::NotMatch, left, .. } = l
            && let CKind::Str(text) = &left.kind
            && let Err(reason) = pattern::compile(text)
        {
            diags.push(match pattern::unsupported(text) {
                Some(what) => Diagnostic::error(
                    codes::REFUSED,
                    format!("{what} is not part of the patterns of `match`"),
                    left.span,
                )
                .note("patterns are matched in time linear in the text, which rules it out")
                .help("write the cases out, or test two patterns"),
                None => Diagnostic::warning(codes::BAD_PATTERN, "this is no regular expression", left.span)
                    .label(reason.trim_start_matches("error: "))
                    .note("neither `match` nor `!match` of it ever holds"),
            });
        }
        l.exprs().for_each(|e| e.each_agg(&mut |a| scope(&a.scope, diags)));
    }
}
