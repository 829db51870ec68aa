//! `manifest.json`: what a run read, under which rules and readings, and what it wrote. No times of day: the same input
//! gives the same bytes.

use super::staging::Written;
use crate::bulk::{Request, Run};
use crate::lang::date;
use crate::rulebook::Rulebook;
use serde::Serialize;

/// Version of the layout of this file.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Manifest<'a> {
    format: u32,
    program: &'static str,
    version: &'static str,
    reference_date: String,
    options: Vec<NameValue<'a>>,
    skip_bad_rows: bool,
    rules: Vec<Hashed<'a>>,
    inputs: Vec<Input<'a>>,
    rejected_rows: usize,
    warnings: Vec<Warning>,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct NameValue<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Hashed<'a> {
    file: &'a str,
    blake3: &'a str,
}

#[derive(Serialize)]
struct Input<'a> {
    file: &'a str,
    table: &'a str,
    shipped: bool,
    encoding: &'a str,
    form: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    packed: bool,
    bytes: u64,
    rows: usize,
    blake3: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read_as: Vec<ReadAs<'a>>,
}

/// Cells of a column that are written in another form: how many, and the first of them.
#[derive(Serialize)]
struct ReadAs<'a> {
    column: &'a str,
    cells: usize,
    line: u32,
    written: &'a str,
    read: &'a str,
}

#[derive(Serialize)]
struct Warning {
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Output<'a> {
    file: &'a str,
    rows: usize,
    bytes: u64,
    blake3: &'a str,
}

fn read_as(c: &crate::facts::Conversion) -> ReadAs<'_> {
    ReadAs { column: &c.column, cells: c.cells, line: c.line, written: &c.written, read: &c.read }
}

/// The manifest of a run as JSON text.
#[must_use]
pub fn manifest(book: &Rulebook, request: &Request, run: &Run, written: &[(Written, usize)]) -> String {
    let m = Manifest {
        format: FORMAT,
        program: "zhuize",
        version: env!("CARGO_PKG_VERSION"),
        reference_date: date::iso(request.as_of),
        options: request.set.iter().map(|(name, value)| NameValue { name, value }).collect(),
        skip_bad_rows: request.skip_bad_rows,
        rules: book.hashes.iter().map(|(file, blake3)| Hashed { file, blake3 }).collect(),
        inputs: run
            .loaded
            .inventory
            .iter()
            .map(|f| Input {
                file: &f.name,
                table: &f.table,
                shipped: f.shipped,
                encoding: f.encoding,
                form: f.form,
                packed: f.packed,
                bytes: f.bytes,
                rows: f.rows,
                blake3: &f.hash,
                read_as: f.conversions.iter().map(read_as).collect(),
            })
            .collect(),
        rejected_rows: run.loaded.rejected.len(),
        warnings: run
            .loaded
            .warnings
            .list()
            .iter()
            .map(|d| Warning { code: d.code(), message: d.render(crate::facts::Lang::En) })
            .collect(),
        outputs: written
            .iter()
            .map(|(w, rows)| Output { file: &w.name, rows: *rows, bytes: w.bytes, blake3: &w.blake3 })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&m).unwrap_or_default();
    text.push('\n');
    text
}
