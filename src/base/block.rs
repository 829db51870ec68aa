//! Some rows of a file, as they lie there.

use crate::engine::look::Look;
use crate::engine::value::{self, Word};
use crate::lang::date::BLANK;
use crate::lang::program::Const;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float32Type, Int32Type, UInt16Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, Date32Array, Float32Array, Int32Array, RecordBatch, StringArray, UInt16Array, UInt32Array,
};
use std::cmp::Ordering;

/// One cell, on its way to a file or from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text.
    Text(&'a str),
    /// Any other value.
    Word(Word),
}

impl Cell<'_> {
    /// The value as files of text have it.
    #[must_use]
    pub fn show(self, look: Look) -> String {
        match self {
            Self::Text(t) => t.to_owned(),
            Self::Word(w) => look.show(w),
        }
    }
}

/// Some rows of a file.
#[derive(Debug)]
pub struct Block {
    columns: Vec<Column>,
    rows: usize,
}

/// The cells of a column, of its type.
#[derive(Debug)]
enum Column {
    Text(StringArray),
    /// Places in a list of texts.
    Coded(UInt16Array, StringArray),
    Date(Date32Array),
    Number(Int32Array),
    Unsigned(UInt32Array),
    Float(Float32Array),
    /// Was not read.
    Absent,
}

impl Block {
    /// The rows of a batch of a file whose columns have these kinds and, if coded, these texts; the batch has those columns, in
    /// order. `None` when one refers to no text.
    pub(super) fn new(
        batch: &RecordBatch,
        has: impl Iterator<Item = usize>,
        looks: &[Look],
        texts: &[Option<StringArray>],
    ) -> Option<Self> {
        let column = |array: &ArrayRef, c: usize| -> Option<Column> {
            Some(match (&looks[c], &texts[c]) {
                (Look::Text, Some(texts)) => {
                    let codes = array.as_primitive::<UInt16Type>().clone();
                    let last = codes.values().iter().max().map_or(0, |c| usize::from(*c) + 1);
                    if last > texts.len() {
                        return None;
                    }
                    Column::Coded(codes, texts.clone())
                }
                (Look::Text, None) => Column::Text(array.as_string::<i32>().clone()),
                (Look::Date, _) => Column::Date(array.as_primitive::<Date32Type>().clone()),
                (Look::Number, _) => Column::Number(array.as_primitive::<Int32Type>().clone()),
                (Look::Unsigned, _) => Column::Unsigned(array.as_primitive::<UInt32Type>().clone()),
                (Look::Float, _) => Column::Float(array.as_primitive::<Float32Type>().clone()),
            })
        };
        let mut columns: Vec<Column> = looks.iter().map(|_| Column::Absent).collect();
        for (array, c) in batch.columns().iter().zip(has) {
            columns[c] = column(array, c)?;
        }
        Some(Self { columns, rows: batch.num_rows() })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A value.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Cell<'_> {
        let number = |n: i32| Cell::Word(value::from_number(n));
        match &self.columns[column] {
            Column::Text(a) => Cell::Text(a.value(row)),
            Column::Coded(a, texts) => Cell::Text(texts.value(usize::from(a.value(row)))),
            Column::Date(a) => number(if a.is_null(row) { BLANK } else { a.value(row) }),
            Column::Number(a) => number(if a.is_null(row) { BLANK } else { a.value(row) }),
            Column::Unsigned(a) => Cell::Word(a.value(row)),
            Column::Float(a) => Cell::Word(value::from_float(a.value(row))),
            Column::Absent => Cell::Word(0),
        }
    }

    /// Of a coded column: the place of a value in its list of texts, and the length of the list.
    pub(super) fn code(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        match &self.columns[column] {
            Column::Coded(a, texts) => Some((usize::from(a.value(row)), texts.len())),
            _ => None,
        }
    }

    /// Of a coded column: the places of all its values in its list of texts.
    pub(super) fn codes(&self, column: usize) -> Option<&[u16]> {
        match &self.columns[column] {
            Column::Coded(a, _) => Some(a.values()),
            _ => None,
        }
    }

    /// The first columns of a row as bytes that no other row has.
    #[must_use]
    pub fn bytes(&self, row: usize, width: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(width * 12);
        for c in 0..width {
            match self.get(row, c) {
                Cell::Text(t) => {
                    out.extend_from_slice(&(t.len() as u32).to_le_bytes());
                    out.extend_from_slice(t.as_bytes());
                }
                Cell::Word(w) => out.extend_from_slice(&w.to_le_bytes()),
            }
        }
        out
    }

    /// The first row whose first column is not below a key.
    pub(super) fn lower(&self, key: Cell<'_>) -> usize {
        let (mut lo, mut hi) = (0, self.len());
        while lo < hi {
            let mid = usize::midpoint(lo, hi);
            if order(self.get(mid, 0), key).is_lt() { lo = mid + 1 } else { hi = mid }
        }
        lo
    }
}

/// Order of the values of a column: texts by their bytes, others by their words, as tables are sorted.
#[must_use]
pub fn order(a: Cell<'_>, b: Cell<'_>) -> Ordering {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Word(a), Cell::Word(b)) => a.cmp(&b),
        (Cell::Text(_), Cell::Word(_)) => Ordering::Greater,
        (Cell::Word(_), Cell::Text(_)) => Ordering::Less,
    }
}

/// A cell as a constant of a program.
#[must_use]
pub fn constant(cell: Cell<'_>, look: Look) -> Const {
    match cell {
        Cell::Text(t) => Const::Symbol(t.into()),
        Cell::Word(w) => match look {
            Look::Unsigned => Const::Unsigned(w),
            Look::Float => Const::Float(value::to_float(w)),
            Look::Text | Look::Date | Look::Number => Const::Number(value::to_number(w)),
        },
    }
}

/// A constant as a cell.
#[must_use]
pub fn cell(c: &Const) -> Cell<'_> {
    match c {
        Const::Symbol(t) => Cell::Text(t),
        Const::Number(n) => Cell::Word(value::from_number(*n)),
        Const::Unsigned(u) => Cell::Word(*u),
        Const::Float(f) => Cell::Word(value::from_float(*f)),
    }
}
