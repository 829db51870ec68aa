//! Relations annotated `mark NAME`: their rows qualify the rows of others.

use crate::lang::program::{Program, RelId};

/// Name of the mark `mark` on rows of the relation, and the columns of the relation at which it looks; `None` if it does not
/// look at that relation.
#[must_use]
pub fn of(program: &Program, mark: RelId, rel: RelId) -> Option<(&str, Vec<usize>)> {
    let (m, target) = (program.rel(mark), program.rel(rel));
    let column = |name: &str| target.columns.iter().position(|t| t.name == name);
    let columns = m.columns.iter().map(|c| column(&c.name)).collect::<Option<_>>()?;
    (mark != rel).then_some((m.notes.get("mark")?, columns))
}

/// The marks on the rows of an output relation: the marking relation, the name of the mark, the columns of the relation.
pub fn on(program: &Program, rel: RelId) -> impl Iterator<Item = (RelId, &str, Vec<usize>)> {
    let all = if program.rel(rel).outputs.is_empty() { 0 } else { program.relations.len() };
    (0..all).filter_map(move |i| {
        let mark = RelId(i as u32);
        let (name, columns) = of(program, mark, rel)?;
        Some((mark, name, columns))
    })
}
