//! Types annotated `names TABLE.KEY TABLE.NAME`: rows of a table name their values.

use crate::lang::program::{Program, RelId};

/// Where the names of a type's values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The table.
    pub table: RelId,
    /// Its column of values.
    pub key: usize,
    /// Its column of names.
    pub name: usize,
}

/// By type: where the names of its values stand, if anywhere.
#[must_use]
pub fn all(program: &Program) -> Vec<Option<Names>> {
    let place = |word: &str| {
        let (table, column) = word.split_once('.')?;
        let rel = program.relation(table)?;
        Some((rel, program.rel(rel).columns.iter().position(|c| c.name == column)?))
    };
    let of = |note: &str| {
        let mut words = note.split_whitespace().map(place);
        let ((table, key), (other, name)) = (words.next()??, words.next()??);
        (table == other && words.next().is_none()).then_some(Names { table, key, name })
    };
    program.types.iter().map(|t| t.notes.get("names").and_then(of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang;
    use crate::lang::program::SourceFile;

    #[test]
    fn both_columns_stand_in_one_table() {
        let text = "\
//@ names people.id people.name
.type Person <: symbol
//@ names people.id units.name
.type Elsewhere <: symbol
//@ names people.id
.type Half <: symbol
//@ names people.id people.age
.type Absent <: symbol
.type Plain <: symbol
.decl units(name: symbol)
.decl people(name: symbol, id: Person)
";
        let program = lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let found = all(&program);
        let of = |name: &str| found[program.types.iter().position(|t| t.name == name).unwrap()];
        assert_eq!(of("Person"), Some(Names { table: RelId(1), key: 1, name: 0 }));
        for name in ["Elsewhere", "Half", "Absent", "Plain"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
