//! Tables as Parquet: text as UTF-8, numbers as 32-bit integers, days as dates, blanks as nulls. The same rows give the same
//! bytes, in whatever pieces they come.

use super::table::{self, Look, Mark};
use crate::engine::store::Table;
use crate::engine::symbol::Symbols;
use crate::engine::value;
use crate::lang::date;
use crate::lang::program::{Const, Program, RelId};
use crate::query::{Answer, Asked};
use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// Rows of a group. A group is held in memory until it is full, for each table that is being written.
const GROUP: usize = 1 << 16;

/// Name and look of each column of a file.
pub type Columns = Vec<(String, Look)>;

/// Cells of a column; a blank holds no value, and 0 in `there`.
#[derive(Debug)]
enum Cells {
    Text { text: Vec<u8>, ends: Vec<usize> },
    Whole(Vec<i32>),
    Float(Vec<f32>),
}

/// Rows, column by column.
#[derive(Debug, Default)]
pub struct Batch {
    rows: usize,
    cells: Vec<Cells>,
    /// For each column: 1 where there is a value.
    there: Vec<Vec<i16>>,
}

impl Batch {
    fn new(columns: &[(String, Look)]) -> Self {
        let cells = |(_, look): &(String, Look)| match look {
            Look::Text => Cells::Text { text: Vec::new(), ends: Vec::new() },
            Look::Number | Look::Unsigned | Look::Date => Cells::Whole(Vec::new()),
            Look::Float => Cells::Float(Vec::new()),
        };
        Self {
            rows: 0,
            cells: columns.iter().map(cells).collect(),
            there: columns.iter().map(|_| Vec::new()).collect(),
        }
    }

    fn text(&mut self, column: usize, new: &str) {
        self.there[column].push(i16::from(!new.is_empty()));
        if let Cells::Text { text, ends } = &mut self.cells[column]
            && !new.is_empty()
        {
            text.extend_from_slice(new.as_bytes());
            ends.push(text.len());
        }
    }

    /// A whole number, a day or the bits of an unsigned number.
    fn whole(&mut self, column: usize, n: i32, blank: bool) {
        self.there[column].push(i16::from(!blank));
        if let Cells::Whole(all) = &mut self.cells[column]
            && !blank
        {
            all.push(n);
        }
    }

    fn float(&mut self, column: usize, f: f32) {
        self.there[column].push(1);
        if let Cells::Float(all) = &mut self.cells[column] {
            all.push(f);
        }
    }

    /// Adds rows of another batch of the same columns.
    fn extend(&mut self, from: &Batch, rows: Range<usize>) {
        self.rows += rows.len();
        for (i, (to, cells)) in self.cells.iter_mut().zip(&from.cells).enumerate() {
            let values = |there: &[i16]| there.iter().filter(|d| **d == 1).count();
            let there = &from.there[i];
            let first = values(&there[..rows.start]);
            let last = first + values(&there[rows.clone()]);
            self.there[i].extend_from_slice(&there[rows.clone()]);
            match (to, cells) {
                (Cells::Text { text, ends }, Cells::Text { text: more, ends: all }) => {
                    let start = if first == 0 { 0 } else { all[first - 1] };
                    let end = if last == 0 { 0 } else { all[last - 1] };
                    let base = text.len();
                    ends.extend(all[first..last].iter().map(|e| e - start + base));
                    text.extend_from_slice(&more[start..end]);
                }
                (Cells::Whole(all), Cells::Whole(more)) => all.extend_from_slice(&more[first..last]),
                (Cells::Float(all), Cells::Float(more)) => all.extend_from_slice(&more[first..last]),
                _ => {}
            }
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

/// The columns of a relation, and those of its marks.
#[must_use]
pub fn columns<'n>(program: &Program, rel: RelId, marks: impl Iterator<Item = &'n str>) -> Columns {
    let relation = program.rel(rel);
    let own = relation.columns.iter().map(|c| (c.name.clone(), table::look(program, c)));
    own.chain(marks.map(|m| (m.to_owned(), Look::Text))).collect()
}

/// The rows of a table in order of text and value.
#[must_use]
pub fn rows(program: &Program, rel: RelId, all: &Table, symbols: &Symbols, marks: &[Mark<'_>]) -> Batch {
    let columns = columns(program, rel, marks.iter().map(|m| m.name.as_str()));
    let mut out = Batch::new(&columns);
    let looks: Vec<Look> = columns.iter().map(|c| c.1).take(program.rel(rel).arity()).collect();
    let order = table::in_order(all, &looks, symbols);
    let mut key = Vec::new();
    for i in 0..all.len() {
        let row = all.row(order.as_ref().map_or(i, |o| o[i] as usize));
        for (c, (look, word)) in looks.iter().zip(row).enumerate() {
            match look {
                Look::Text => out.text(c, symbols.resolve(*word)),
                Look::Unsigned => out.whole(c, *word as i32, false),
                Look::Float => out.float(c, value::to_float(*word)),
                Look::Number | Look::Date => {
                    let n = value::to_number(*word);
                    out.whole(c, n, n == date::BLANK);
                }
            }
        }
        for (c, m) in (looks.len()..).zip(marks) {
            out.text(c, if m.marks(row, &mut key) { "yes" } else { "" });
        }
        out.rows += 1;
    }
    out
}

/// The result of a question as the bytes of a file.
///
/// # Errors
/// What the writer of such files says.
pub fn answer(program: &Program, asked: &Asked, answer: &Answer) -> io::Result<Vec<u8>> {
    if asked.columns.is_empty() {
        let columns = vec![("holds".to_owned(), Look::Text)];
        let mut all = Batch::new(&columns);
        all.text(0, if answer.rows.is_empty() { "no" } else { "yes" });
        all.rows = 1;
        let mut out = Writer::new(Vec::new(), columns)?;
        out.put(&all)?;
        return out.finish();
    }
    let look = |c: &usize| (asked.columns[*c].name.clone(), Look::of(program, asked.columns[*c].ty));
    let marks = answer.marks.iter().map(|m| (m.name.clone(), Look::Text));
    let columns: Columns = asked.show.iter().map(look).chain(marks).collect();
    let mut all = Batch::new(&columns);
    for (r, row) in answer.rows.iter().enumerate() {
        for (c, v) in row.iter().enumerate() {
            match &v.value {
                Const::Symbol(s) => all.text(c, s),
                Const::Number(n) => all.whole(c, *n, *n == date::BLANK),
                Const::Unsigned(n) => all.whole(c, *n as i32, false),
                Const::Float(f) => all.float(c, *f),
            }
        }
        for (c, m) in (row.len()..).zip(&answer.marks) {
            all.text(c, if m.rows[r] { "yes" } else { "" });
        }
        all.rows += 1;
    }
    let mut out = Writer::new(Vec::new(), columns)?;
    out.put(&all)?;
    out.finish()
}

/// A file that is being written.
pub struct Writer<W: Write + Send> {
    inner: SerializedFileWriter<W>,
    columns: Columns,
    held: Batch,
}

impl<W: Write + Send> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({:?})", self.columns)
    }
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, columns: Columns) -> io::Result<Self> {
        let how = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("zhuize ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let inner = SerializedFileWriter::new(out, schema(&columns).map_err(said)?, Arc::new(how)).map_err(said)?;
        Ok(Self { inner, held: Batch::new(&columns), columns })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// What the output says.
    pub fn put(&mut self, batch: &Batch) -> io::Result<()> {
        let mut done = 0;
        while done < batch.rows {
            let next = (done + GROUP - self.held.rows).min(batch.rows);
            self.held.extend(batch, done..next);
            done = next;
            if self.held.rows == GROUP {
                self.group()?;
            }
        }
        Ok(())
    }

    /// Writes the rows held as a group.
    fn group(&mut self) -> io::Result<()> {
        let held = std::mem::replace(&mut self.held, Batch::new(&self.columns));
        let mut group = self.inner.next_row_group().map_err(said)?;
        for (cells, there) in held.cells.into_iter().zip(&held.there) {
            write(&mut group, cells, there).map_err(said)?;
        }
        group.close().map_err(said)?;
        Ok(())
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        if self.held.rows > 0 {
            self.group()?;
        }
        self.inner.into_inner().map_err(said)
    }
}

fn write<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: Cells,
    there: &[i16],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    match cells {
        Cells::Text { text, ends } => {
            let text = Bytes::from(text);
            let mut start = 0;
            let cut = |end: &usize| ByteArray::from(text.slice(std::mem::replace(&mut start, *end)..*end));
            let values: Vec<ByteArray> = ends.iter().map(cut).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(there), None)?;
        }
        Cells::Whole(values) => drop(column.typed::<Int32Type>().write_batch(&values, Some(there), None)?),
        Cells::Float(values) => drop(column.typed::<FloatType>().write_batch(&values, Some(there), None)?),
    }
    column.close()
}

fn schema(columns: &[(String, Look)]) -> Result<TypePtr, ParquetError> {
    let mut fields = Vec::with_capacity(columns.len());
    for (name, look) in columns {
        let (physical, logical) = match look {
            Look::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Look::Number => (Physical::INT32, Some(LogicalType::integer(32, true))),
            Look::Unsigned => (Physical::INT32, Some(LogicalType::integer(32, false))),
            Look::Date => (Physical::INT32, Some(LogicalType::Date)),
            Look::Float => (Physical::FLOAT, None),
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        fields.push(Arc::new(field));
    }
    Ok(Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?))
}

/// What the disk said, if it was the disk.
fn said(e: ParquetError) -> io::Error {
    match e {
        ParquetError::External(e) => match e.downcast::<io::Error>() {
            Ok(e) => *e,
            Err(e) => io::Error::other(e),
        },
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    fn columns() -> Columns {
        vec![("id".to_owned(), Look::Text), ("n".to_owned(), Look::Number)]
    }

    fn batch(rows: Range<usize>) -> Batch {
        let mut b = Batch::new(&columns());
        for i in rows {
            b.text(0, &if i % 3 == 0 { String::new() } else { format!("字{i}") });
            b.whole(1, i as i32, i % 5 == 0);
            b.rows += 1;
        }
        b
    }

    fn file(cuts: &[usize]) -> Vec<u8> {
        let mut w = Writer::new(Vec::new(), columns()).expect("begun");
        for pair in cuts.windows(2) {
            w.put(&batch(pair[0]..pair[1])).expect("put");
        }
        w.finish().expect("finished")
    }

    #[test]
    fn the_same_bytes_in_whatever_pieces() {
        let n = 2 * GROUP + 7;
        let whole = file(&[0, n]);
        assert_eq!(whole, file(&[0, 0, 1, GROUP - 1, GROUP, GROUP + 3, n, n]));
        let reader = SerializedFileReader::new(Bytes::from(whole)).expect("a file");
        assert_eq!(reader.num_row_groups(), 3);
        let mut count = 0;
        for (i, row) in reader.get_row_iter(None).expect("rows").enumerate() {
            let row = row.expect("row").to_string();
            let id = if i % 3 == 0 { "null".to_owned() } else { format!("\"字{i}\"") };
            let number = if i % 5 == 0 { "null".to_owned() } else { i.to_string() };
            assert_eq!(row, format!("{{id: {id}, n: {number}}}"));
            count += 1;
        }
        assert_eq!(count, n);
        let none = SerializedFileReader::new(Bytes::from(file(&[0]))).expect("a file");
        assert_eq!(none.metadata().file_metadata().num_rows(), 0);
    }
}
