//! `manifest.json`: what a run read, under which rules and readings, and what it wrote. No times of day and no place of the
//! machine: the same input gives the same bytes. It holds what `rerun` needs to run again.

use super::results::Tables;
use super::staging::Written;
use crate::bulk::{Request, Run};
use crate::lang::date;
use crate::rulebook::Rulebook;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path};

/// Version of the layout of this file. Version 1 had no `facts`, `encoding`, `form`.
pub const FORMAT: u32 = 2;

/// What a run read and wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Manifest {
    pub format: u32,
    pub program: String,
    pub version: String,
    pub reference_date: String,
    /// Where the casebase was found, as it was named; of an absolute path only the last name, so that the same run gives the
    /// same manifest wherever it happens.
    #[serde(default)]
    pub facts: String,
    pub options: Vec<NameValue>,
    pub skip_bad_rows: bool,
    /// The encoding that was asked for; without it, it was found out file by file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    #[serde(default)]
    pub form: Form,
    pub rules: Vec<Hashed>,
    pub inputs: Vec<Input>,
    pub rejected_rows: usize,
    pub warnings: Vec<Warning>,
    pub outputs: Vec<Output>,
}

/// What was asked for beside the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Form {
    pub safe_csv: bool,
    pub patterns: bool,
    /// The tables are Parquet and not CSV.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parquet: bool,
    /// Language of the workbook, `zh` or `en`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workbook: Option<String>,
}

impl Form {
    /// The form of the tables.
    #[must_use]
    pub fn tables(&self) -> Tables {
        if self.parquet { Tables::Parquet } else { Tables::Csv { safe: self.safe_csv } }
    }
}

/// An option of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NameValue {
    pub name: String,
    pub value: String,
}

/// A file of the rulebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Hashed {
    pub file: String,
    pub blake3: String,
}

/// A table that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Input {
    pub file: String,
    pub table: String,
    pub shipped: bool,
    pub encoding: String,
    pub form: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
    pub bytes: u64,
    pub rows: usize,
    pub blake3: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_as: Vec<ReadAs>,
}

/// Cells of a column that are written in another form: how many, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReadAs {
    pub column: String,
    pub cells: usize,
    pub line: u32,
    pub written: String,
    pub read: String,
}

/// What a reader should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Warning {
    pub code: String,
    pub message: String,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Output {
    pub file: String,
    pub rows: usize,
    pub bytes: u64,
    pub blake3: String,
}

/// The tables of a load, as the manifest has them.
#[must_use]
pub fn inputs(inventory: &[crate::facts::FileEntry]) -> Vec<Input> {
    let read_as = |c: &crate::facts::Conversion| ReadAs {
        column: c.column.clone(),
        cells: c.cells,
        line: c.line,
        written: c.written.clone(),
        read: c.read.clone(),
    };
    let input = |f: &crate::facts::FileEntry| Input {
        file: f.name.clone(),
        table: f.table.clone(),
        shipped: f.shipped,
        encoding: f.encoding.to_owned(),
        form: f.form.to_owned(),
        packed: f.packed,
        bytes: f.bytes,
        rows: f.rows,
        blake3: f.hash.clone(),
        read_as: f.conversions.iter().map(read_as).collect(),
    };
    inventory.iter().map(input).collect()
}

/// The files of a rulebook, as the manifest has them.
#[must_use]
pub fn rules(book: &Rulebook) -> Vec<Hashed> {
    book.hashes.iter().map(|(file, blake3)| Hashed { file: file.clone(), blake3: blake3.clone() }).collect()
}

/// How a casebase is named in a manifest.
fn named(facts: &Path) -> String {
    let shown = |c: Component<'_>| c.as_os_str().to_string_lossy().into_owned();
    if facts.is_absolute() {
        return facts.components().next_back().map(shown).unwrap_or_default();
    }
    let kept = facts.components().filter(|c| *c != Component::CurDir).map(shown);
    kept.collect::<Vec<_>>().join("/")
}

/// The manifest of a run.
#[must_use]
pub fn manifest(book: &Rulebook, request: &Request, form: Form, run: &Run, written: &[(Written, usize)]) -> Manifest {
    let option = |(name, value): &(String, String)| NameValue { name: name.clone(), value: value.clone() };
    let warning = |d: &crate::facts::defect::Defect| Warning {
        code: d.code().to_owned(),
        message: d.render(crate::facts::Lang::En),
    };
    let output = |(w, rows): &(Written, usize)| Output {
        file: w.name.clone(),
        rows: *rows,
        bytes: w.bytes,
        blake3: w.blake3.clone(),
    };
    Manifest {
        format: FORMAT,
        program: "zhuize".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        reference_date: date::iso(request.as_of),
        facts: named(&request.facts),
        options: request.set.iter().map(option).collect(),
        skip_bad_rows: request.skip_bad_rows,
        encoding: request.encoding.map(|e| e.name().to_owned()),
        form,
        rules: rules(book),
        inputs: inputs(&run.loaded.inventory),
        rejected_rows: run.loaded.rejected.len(),
        warnings: run.loaded.warnings.list().iter().map(warning).collect(),
        outputs: written.iter().map(output).collect(),
    }
}

impl Manifest {
    /// As JSON text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Reads a manifest.
///
/// # Errors
/// When the text is no manifest, or one of a later layout.
pub fn read(text: &str) -> Result<Manifest, String> {
    let m: Manifest = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if m.program != "zhuize" || m.format == 0 || m.format > FORMAT {
        return Err(format!("program {:?}, format {}; expected \"zhuize\", 1 to {FORMAT}", m.program, m.format));
    }
    Ok(m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_absolute_path_is_kept() {
        assert_eq!(named(Path::new("./facts/../facts/demo/")), "facts/../facts/demo");
        assert_eq!(named(Path::new("/srv/案件 库/demo/")), "demo");
    }
}
