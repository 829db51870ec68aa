//! The header of a table: where it stands, what separates its fields, which field holds which column.

use super::defect::{Choice, Defect, Place, Problem};
use super::nearest::{self, fold};
use super::normal;
use super::part::Part;
use super::record::{Layout, Record, Records};
use super::schema::{ColumnSchema, TableSchema};
use super::value;
use std::sync::Arc;

/// Names of the column in which a row says where it comes from; it stands in every table.
pub(crate) const SOURCE: [&str; 2] = ["source", "出处"];
/// Rows of a sheet that may stand above the header.
const TITLES: usize = 10;
/// Bytes in which the first line is looked for to find out the separator.
const SNIFFED: usize = 1 << 14;

/// Names of the columns, in the order of the file.
#[derive(Clone)]
pub(super) struct Header {
    pub names: Vec<Arc<str>>,
    pub source: Option<usize>,
    /// Fields without a name.
    pub unnamed: Vec<usize>,
}

/// The column that a cell of a header names: by its name or a label of it; of several lines any line may.
pub(super) fn column(table: &TableSchema, cell: &str) -> Option<usize> {
    if let Some(c) = table.column(cell) {
        return Some(c);
    }
    let by = |text: &str| {
        let folded = fold(text);
        let named = |c: &ColumnSchema| c.words().any(|w| fold(w) == folded);
        if folded.is_empty() { None } else { table.columns.iter().position(named) }
    };
    by(cell).or_else(|| cell.lines().find_map(by))
}

/// Whether a column of that name is read.
pub(super) fn wanted(table: &TableSchema, cell: &str) -> bool {
    column(table, cell).is_some() || is_source(cell)
}

fn is_source(cell: &str) -> bool {
    SOURCE.contains(&cell) || cell.lines().any(|l| SOURCE.contains(&l.trim()))
}

/// What separates the fields: what the name of the file promises, unless the header makes more sense another way.
pub(super) fn layout(text: &str, table: &TableSchema, promised: Layout) -> Layout {
    if promised.of_cells() {
        return promised;
    }
    let end = memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len()).min(SNIFFED);
    let Some(line) = text.get(..end) else { return promised };
    let known = |layout: Layout| {
        let (mut records, mut record) = (Records::new(line, layout), Record::default());
        records.next(&mut record);
        record.fields.iter().filter(|f| column(table, normal::bare(&records.field(**f))).is_some()).count()
    };
    let other = if promised == Layout::Tabs { Layout::Commas } else { Layout::Tabs };
    if known(other) > known(promised) { other } else { promised }
}

/// Goes to the header of a text; false if there is none at all. Above the header of a sheet titles may stand.
pub(super) fn find<'a>(
    records: &mut Records<'a>,
    record: &mut Record,
    text: &'a str,
    layout: Layout,
    table: &TableSchema,
) -> bool {
    if layout == Layout::Sheet {
        let enough = table.columns.len().min(2);
        for _ in 0..TITLES {
            if !records.next(record) {
                break;
            }
            let known =
                record.fields.iter().filter(|f| column(table, normal::bare(&records.field(**f))).is_some()).count();
            if known >= enough {
                return true;
            }
        }
        *records = Records::new(text, layout);
    }
    records.next(record)
}

impl Header {
    /// Reads the header, notes the fields of the columns in the part, and reports what is wrong.
    pub fn read(part: &mut Part<'_>, records: &Records<'_>, record: &Record, table: &TableSchema) -> Header {
        let names: Vec<Arc<str>> = record.fields.iter().map(|s| Arc::from(normal::bare(&records.field(*s)))).collect();
        let mut h = Header { source: None, unnamed: Vec::new(), names };
        let whole = part.input.place(record.line);
        let place = |i: usize, name: &Arc<str>| {
            let (line, character) = part.input.position(records, record, record.fields[i].start);
            Place { line, field: i as u32 + 1, character, column: name.clone(), ..whole.clone() }
        };
        let columns: Vec<Option<usize>> = h.names.iter().map(|n| column(table, n)).collect();
        if columns.iter().all(Option::is_none) {
            part.failed = true;
            let raw = records.raw(record);
            let separator = [';', '；', '|']
                .into_iter()
                .find(|c| h.names.len() == 1 && h.names[0].split(*c).any(|n| column(table, n.trim()).is_some()));
            let mut d = Defect::new(whole.clone(), Problem::NoHeader { separator }).found(raw);
            if separator.is_none() {
                d.expected = table.columns.iter().map(|c| label(&c.name, c)).collect();
            }
            part.log.push(d);
            return h;
        }
        for (i, name) in h.names.iter().enumerate() {
            if name.is_empty() {
                h.unnamed.push(i);
            } else if let Some(first) = h.names[..i].iter().position(|n| n == name).or_else(|| {
                let c = columns[i]?;
                columns[..i].iter().position(|o| *o == Some(c))
            }) {
                part.failed = true;
                let problem = Problem::DuplicateHeader { first: first as u32 + 1 };
                part.log.push(Defect::new(place(i, name), problem).found(&**name));
            } else if let Some(c) = columns[i] {
                part.fields[c] = Some(i);
            } else if is_source(name) {
                h.source = Some(i);
            } else {
                let free = || table.columns.iter().enumerate().filter(|(c, _)| !columns.contains(&Some(*c)));
                let near = nearest::nearest(name, free().flat_map(|(_, c)| c.words()));
                let meant = near.and_then(|n| free().find(|(_, c)| c.words().any(|w| w == n)));
                let meant = meant.map(|(_, c)| label(&c.name, c));
                part.log.push(Defect::new(place(i, name), Problem::UnknownColumn).found(&**name).meant(meant));
            }
        }
        for (c, column) in table.columns.iter().enumerate() {
            let blank = value::blank(&column.kind).is_some() && !column.must || column.default.is_some();
            if part.fields[c].is_none() && !blank {
                part.failed = true;
                part.log.push(Defect::new(whole.clone(), Problem::MissingColumn).found(&column.name));
            }
        }
        h
    }
}

fn label(name: &str, c: &ColumnSchema) -> Choice {
    Choice { text: name.to_owned(), zh: c.zh.clone().unwrap_or_default(), en: c.en.clone().unwrap_or_default() }
}
