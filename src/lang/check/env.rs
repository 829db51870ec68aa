//! Relations by name, with the types of their columns.

use crate::lang::ast::Atom;
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{RelId, Relation, Span, TypeId};
use crate::lang::suggest;
use crate::lang::types::Types;
use rustc_hash::FxHashMap;

/// What clauses are checked against.
pub(crate) struct Env<'s> {
    pub types: Types,
    pub relations: Vec<Relation>,
    pub by_name: FxHashMap<&'s str, RelId>,
    /// Per relation and column: type (`None` if unknown, reported) and place of the declaration.
    pub columns: Vec<Vec<(Option<TypeId>, Span)>>,
}

impl<'s> Env<'s> {
    pub fn rel(&self, id: RelId) -> &Relation {
        &self.relations[id.index()]
    }

    /// The declared relation of that name, or a diagnostic.
    pub fn resolve_name(&self, name: &str, span: Span, diags: &mut Vec<Diagnostic>) -> Option<RelId> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        let mut d = Diagnostic::error(codes::UNKNOWN_RELATION, format!("there is no relation `{name}`"), span);
        let known = self.relations.iter().map(|r| r.name.as_str());
        d = match suggest::nearest(name, known).filter(|_| name.len() > 2) {
            Some(s) => {
                let at = self.by_name.get(s).map(|id| self.rel(*id).span);
                let d = d.help(format!("did you mean `{s}`?"));
                match at {
                    Some(at) => d.also(at, format!("`{s}` is declared here")),
                    None => d,
                }
            }
            None => d.help(format!("declare it with `.decl {name}(...)`")),
        };
        diags.push(d);
        None
    }

    /// The relation of an atom, if it exists and the number of arguments fits.
    pub fn resolve_atom(&self, a: &Atom<'s>, diags: &mut Vec<Diagnostic>) -> Option<RelId> {
        let id = self.resolve_name(a.name.text, a.name.span, diags)?;
        let rel = self.rel(id);
        if rel.arity() == a.args.len() {
            return Some(id);
        }
        let columns: Vec<&str> = rel.columns.iter().map(|c| c.name.as_str()).collect();
        diags.push(
            Diagnostic::error(
                codes::ARITY,
                format!(
                    "`{}` has {}, found {}",
                    rel.name,
                    plural(rel.arity(), "column"),
                    plural(a.args.len(), "argument")
                ),
                a.span,
            )
            .also(rel.span, "declared here")
            .note(format!("its columns are ({})", columns.join(", "))),
        );
        None
    }
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
