//! Relations as CSV: header row, rows sorted by text and value, ISO dates, blanks blank.

pub use crate::engine::look::Look;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Column, Program, RelId, Relation};
use crate::rulebook::marks;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The look of each column of a relation.
#[must_use]
pub fn looks(program: &Program, relation: &Relation) -> Vec<Look> {
    relation.columns.iter().map(|c| look(program, c)).collect()
}

/// The look of a column.
#[must_use]
pub fn look(program: &Program, column: &Column) -> Look {
    Look::of(program, column.ty)
}

/// A value as people and files see it.
#[must_use]
pub fn show(look: Look, word: Word, symbols: &Symbols) -> String {
    match look {
        Look::Text => symbols.resolve(word).to_owned(),
        other => other.show(word),
    }
}

/// The order of symbols by text: rank of each id.
#[derive(Clone, Debug, Default)]
pub struct Ranks(Vec<u32>);

impl Ranks {
    /// Ranks of all symbols of a table.
    #[must_use]
    pub fn new(symbols: &Symbols) -> Self {
        let ids = symbols.by_text(0..symbols.len() as u32);
        let mut ranks = vec![0; ids.len()];
        for (rank, id) in ids.into_iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        Self(ranks)
    }

    /// Indices of the rows of a table in order of text and value, column by column.
    #[must_use]
    pub fn order(&self, table: &Table, looks: &[Look]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..table.len() as u32).collect();
        let key = |w: Word, look: Look| if look == Look::Text { self.0[w as usize] } else { w };
        order.sort_unstable_by(|a, b| {
            let (a, b) = (table.row(*a as usize), table.row(*b as usize));
            for (i, look) in looks.iter().enumerate() {
                match key(a[i], *look).cmp(&key(b[i], *look)) {
                    std::cmp::Ordering::Equal => {}
                    other => return other,
                }
            }
            std::cmp::Ordering::Equal
        });
        order
    }
}

/// Writes one CSV field, quoted where it must be.
pub fn field(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        for b in text.bytes() {
            if b == b'"' {
                out.push(b'"');
            }
            out.push(b);
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Text before which a spreadsheet program is told that it is no formula, by an apostrophe. For files that people open: the
/// apostrophe becomes part of the value when another program reads the file.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A further `yes`/blank column of an output: rows whose values in `columns` stand in `rows`.
#[derive(Clone, Debug)]
pub struct Mark<'a> {
    /// Header of the column.
    pub name: String,
    /// Columns of the marked relation that the mark looks at.
    pub columns: Vec<usize>,
    /// The rows that mark, in the order of `columns`.
    pub rows: &'a Table,
}

impl Mark<'_> {
    /// Whether it marks a row; `key` is room for its values.
    pub fn marks(&self, row: &[Word], key: &mut Vec<Word>) -> bool {
        key.clear();
        key.extend(self.columns.iter().map(|c| row[*c]));
        self.rows.contains(key)
    }
}

/// The relations annotated `mark NAME` that are not empty.
#[must_use]
pub fn marking(program: &Program, db: &Database) -> BTreeSet<RelId> {
    let all = program.relations.iter().zip(&db.tables).enumerate();
    all.filter(|(_, (r, t))| r.notes.has("mark") && !t.is_empty()).map(|(i, _)| RelId(i as u32)).collect()
}

/// The marks that apply to a relation: those of [`marking`] whose column names all occur.
#[must_use]
pub fn marks<'a>(program: &Program, db: &'a Database, marking: &BTreeSet<RelId>, rel: RelId) -> Vec<Mark<'a>> {
    let all = applying(program, marking, rel).into_iter();
    all.map(|(mark, name, columns)| Mark { name: name.to_owned(), columns, rows: db.table(mark) }).collect()
}

/// The marking relations that apply to a relation: name of the mark, and columns of the marked relation.
fn applying<'p>(program: &'p Program, marking: &BTreeSet<RelId>, rel: RelId) -> Vec<(RelId, &'p str, Vec<usize>)> {
    let of = |mark: &RelId| {
        let (name, columns) = marks::of(program, *mark, rel)?;
        Some((*mark, name, columns))
    };
    marking.iter().filter_map(of).collect()
}

/// The rows of a table in order of text and value: `None` if they are so already, else their indices. Quick where the
/// symbols are in the order of their texts.
pub(super) fn in_order(table: &Table, looks: &[Look], symbols: &Symbols) -> Option<Vec<u32>> {
    let ordered = symbols.ordered();
    let strange = |row: &[Word]| looks.iter().zip(row).any(|(l, w)| *l == Look::Text && *w as usize >= ordered);
    if symbols.len() == ordered || !table.rows().any(strange) {
        return None;
    }
    let mut order: Vec<u32> = (0..table.len() as u32).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (table.row(*a as usize), table.row(*b as usize));
        let columns = looks.iter().zip(a.iter().zip(b));
        let mut columns = columns.map(|(l, (x, y))| if *l == Look::Text { symbols.compare(*x, *y) } else { x.cmp(y) });
        columns.find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    Some(order)
}

/// Names of the columns of marks of a relation.
#[must_use]
pub fn mark_names<'p>(program: &'p Program, marking: &BTreeSet<RelId>, rel: RelId) -> Vec<&'p str> {
    applying(program, marking, rel).into_iter().map(|(_, name, _)| name).collect()
}

/// How a relation is written as CSV. `safe`: text that a spreadsheet program would take for a formula gets an apostrophe in
/// front; otherwise every value is written as it is, so that other programs read what was meant.
#[derive(Debug)]
pub struct Sheet<'a> {
    relation: &'a Relation,
    looks: Vec<Look>,
    safe: bool,
}

impl<'a> Sheet<'a> {
    /// The look of a relation.
    #[must_use]
    pub fn new(program: &'a Program, rel: RelId, safe: bool) -> Self {
        let relation = program.rel(rel);
        Self { relation, looks: looks(program, relation), safe }
    }

    /// The header line, with the names of further columns for marks.
    pub fn header<'n>(&'n self, marks: impl Iterator<Item = &'n str>, out: &mut Vec<u8>) {
        for (i, name) in self.relation.columns.iter().map(|c| c.name.as_str()).chain(marks).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            field(out, name);
        }
        out.push(b'\n');
    }

    /// The rows of a table in order of text and value. `ranks` spare comparing texts.
    pub fn rows(&self, table: &Table, symbols: &Symbols, ranks: Option<&Ranks>, marks: &[Mark<'_>], out: &mut Vec<u8>) {
        let order = match ranks {
            Some(ranks) => Some(ranks.order(table, &self.looks)),
            None => in_order(table, &self.looks, symbols),
        };
        let mut key = Vec::new();
        for i in 0..table.len() {
            let row = table.row(order.as_ref().map_or(i, |o| o[i] as usize));
            for (i, look) in self.looks.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                match look {
                    Look::Text if self.safe => field(out, &harmless(symbols.resolve(row[i]))),
                    Look::Text => field(out, symbols.resolve(row[i])),
                    _ => out.extend_from_slice(show(*look, row[i], symbols).as_bytes()),
                }
            }
            for m in marks {
                out.extend_from_slice(if m.marks(row, &mut key) { b",yes" } else { b"," });
            }
            out.push(b'\n');
        }
    }
}

/// File name under which a relation is written: the `filename` of its `.output`, or its name with `.csv`.
#[must_use]
pub fn file_name(relation: &Relation) -> String {
    relation
        .outputs
        .iter()
        .flat_map(|o| &o.params)
        .find(|(k, _)| k == "filename")
        .map_or_else(|| format!("{}.csv", relation.name), |(_, v)| v.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_needed() {
        for (text, want) in [("a", "a"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("x\ny", "\"x\ny\""), ("", "")] {
            let mut out = Vec::new();
            field(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    #[test]
    fn rows_come_in_order_of_text() {
        let mut s = Symbols::default();
        let (z, a) = (s.intern("z"), s.intern("a"));
        let t = Table::from_rows(1, vec![z, a]);
        let order = Ranks::new(&s).order(&t, &[Look::Text]);
        let texts: Vec<&str> = order.iter().map(|i| s.resolve(t.row(*i as usize)[0])).collect();
        assert_eq!(texts, ["a", "z"]);
    }
}
