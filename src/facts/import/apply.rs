//! Source rows through a mapping to target rows, with an account of what did not come through.

use super::mapping::{Cell, Mapping, Target};
use super::source::{self, Source};
use crate::facts::codes::CodeLists;
use crate::facts::defect::Defects;
use crate::facts::load::LoadOptions;
use crate::facts::log::Log;
use crate::facts::nearest::fold;
use crate::facts::schema::{Schema, TableSchema};
use crate::facts::{normal, value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Places that are named of a value that could not be mapped.
const PLACES: usize = 3;
/// Characters of a made key behind its prefix.
const KEY: usize = 12;

/// Values of a source that could not become values of a target column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// Target, `table.column`.
    pub target: String,
    /// Source columns.
    pub from: String,
    /// The value.
    pub value: String,
    /// How often.
    pub cells: usize,
    /// The first places, `file:line`.
    pub places: Vec<String>,
}

/// A source row that did not become a row of some table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// File.
    pub file: String,
    /// Line.
    pub line: u32,
    /// The table it was meant for; blank if for none.
    pub table: String,
    /// Why, in Chinese and English.
    pub reason: (String, String),
    /// Its cells.
    pub cells: Vec<String>,
}

/// What an import gives.
#[derive(Debug)]
pub struct Imported {
    /// Files to write: name, header, rows.
    pub tables: Vec<(String, Vec<String>, Vec<Vec<String>>)>,
    /// Source rows read, by file.
    pub read: Vec<(String, usize)>,
    /// Values that could not be mapped, by target and value.
    pub unmapped: Vec<Unmapped>,
    /// Rows handed back.
    pub lost: Vec<Lost>,
    /// Source columns that no entry of the mapping names, by file.
    pub unused: Vec<(String, String)>,
    /// Columns that the mapping names and the file has not, by file.
    pub absent: Vec<(String, String)>,
    /// What is wrong with the files.
    pub defects: Defects,
}

struct Work<'a> {
    schema: &'a Schema,
    codes: &'a CodeLists,
    /// Per table: rows by key.
    rows: Vec<BTreeMap<Vec<String>, Kept>>,
    unmapped: BTreeMap<(String, String, String), (usize, Vec<String>)>,
    lost: Vec<Lost>,
}

/// A target row with the source row it was made from.
struct Kept {
    values: Vec<String>,
    file: String,
    line: u32,
    cells: Vec<String>,
}

/// A source row with the names of its cells.
struct Row<'a> {
    source: &'a Source,
    index: &'a BTreeMap<String, usize>,
    line: u32,
    cells: &'a [String],
    each: Option<&'a str>,
}

impl Row<'_> {
    /// The first of these columns that is not blank.
    fn get(&self, columns: &[String]) -> &str {
        let one = |c: &String| match (c.as_str(), self.each) {
            ("each", Some(piece)) => Some(piece),
            _ => self.index.get(&fold(c)).map(|i| self.cells[*i].as_str()),
        };
        columns.iter().filter_map(one).find(|t| !t.is_empty()).unwrap_or("")
    }

    fn place(&self) -> String {
        format!("{}:{}", self.source.name, self.line)
    }
}

/// Imports files through a mapping.
#[must_use]
pub fn import(
    mapping: &Mapping,
    schema: &Schema,
    codes: &CodeLists,
    paths: &[PathBuf],
    options: &LoadOptions,
) -> Imported {
    let mut log = Log::new(options.limit, false);
    let mut w = Work {
        schema,
        codes,
        rows: schema.tables.iter().map(|_| BTreeMap::new()).collect(),
        unmapped: BTreeMap::new(),
        lost: Vec::new(),
    };
    let (mut read, mut unused, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    let named: BTreeSet<&String> =
        mapping.targets.iter().flat_map(columns).flatten().filter(|c| *c != "each").collect();
    for path in paths {
        for source in source::read(path, options, &mut log) {
            let name = source.name.to_string();
            let index: BTreeMap<String, usize> =
                source.header.iter().enumerate().rev().map(|(i, h)| (fold(h), i)).collect();
            let known: BTreeSet<String> = named.iter().map(|n| fold(n)).collect();
            let strange = source.header.iter().filter(|h| !h.is_empty() && !known.contains(&fold(h)));
            unused.extend(strange.map(|h| (name.clone(), h.clone())));
            for list in mapping.targets.iter().flat_map(columns) {
                let there = list.iter().any(|c| c == "each" || index.contains_key(&fold(c)));
                let entry = (name.clone(), list.join("|"));
                if !there && !absent.contains(&entry) {
                    absent.push(entry);
                }
            }
            for (line, cells) in &source.rows {
                let row = Row { source: &source, index: &index, line: *line, cells, each: None };
                w.row(mapping, &row);
            }
            read.push((name, source.rows.len()));
        }
    }
    let imported: BTreeSet<usize> = mapping.targets.iter().map(|t| t.table).collect();
    w.close(&imported);
    let order = |name: &str| read.iter().position(|(n, _): &(String, usize)| n == name);
    w.lost.sort_by_key(|l| (order(&l.file), l.line));
    let mut tables = Vec::new();
    // Tables that must be there are written even if the mapping has nothing for them: with a header alone.
    let needed = schema.tables.iter().enumerate().filter(|(_, t)| t.needed).map(|(i, _)| i);
    let targets: BTreeSet<usize> = imported.into_iter().chain(needed).collect();
    for t in targets {
        let table = &schema.tables[t];
        let header = table.columns.iter().map(|c| c.name.clone()).chain(["source".to_owned()]).collect();
        let rows = std::mem::take(&mut w.rows[t]).into_values().map(|k| k.values).collect();
        tables.push((table.file(), header, rows));
    }
    let unmapped = w.unmapped.into_iter().map(|((target, from, value), (cells, places))| Unmapped {
        target,
        from,
        value,
        cells,
        places,
    });
    Imported { tables, read, unmapped: unmapped.collect(), lost: w.lost, unused, absent, defects: log.errors }
}

/// Lists of alternative source columns that a target names.
fn columns(t: &Target) -> impl Iterator<Item = &Vec<String>> {
    let conditions = t.when.iter().chain(&t.each).map(|(c, _)| c);
    conditions.chain(t.cells.iter().flat_map(|c| &c.from))
}

impl Work<'_> {
    fn row(&mut self, mapping: &Mapping, row: &Row<'_>) {
        let mut meant = false;
        for t in &mapping.targets {
            if t.when.as_ref().is_some_and(|(c, regex)| !regex.is_match(row.get(c))) {
                continue;
            }
            meant = true;
            match &t.each {
                None => self.target(t, row),
                Some((c, split)) => {
                    let pieces: Vec<String> =
                        split.split(row.get(c)).map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
                    for piece in &pieces {
                        self.target(t, &Row { each: Some(piece), ..*row });
                    }
                }
            }
        }
        if !meant {
            self.lose(row, "", ("没有一张目标表接收这一行".into(), "no target table takes this row".into()));
        }
    }

    fn lose(&mut self, row: &Row<'_>, table: &str, reason: (String, String)) {
        self.lost.push(Lost {
            file: row.source.name.to_string(),
            line: row.line,
            table: table.to_owned(),
            reason,
            cells: row.cells.to_vec(),
        });
    }

    fn target(&mut self, t: &Target, row: &Row<'_>) {
        let schema = self.schema;
        let table = &schema.tables[t.table];
        let mut out = vec![String::new(); table.columns.len() + 1];
        out[table.columns.len()] = row.place();
        for cell in &t.cells {
            let text = self.cell(table, cell, row);
            let at = cell.column.unwrap_or(table.columns.len());
            if cell.column.is_some() || !text.is_empty() {
                out[at] = text;
            }
        }
        let blank =
            |(i, c): &(usize, &crate::facts::schema::ColumnSchema)| c.must && c.default.is_none() && out[*i].is_empty();
        let missing: Vec<&str> = table.columns.iter().enumerate().filter(blank).map(|(_, c)| c.name.as_str()).collect();
        if !missing.is_empty() {
            let reason = (
                format!("必填的列为空：{}", missing.join("、")),
                format!("blank where a value must stand: {}", missing.join(", ")),
            );
            return self.lose(row, &table.name, reason);
        }
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let key = if table.key.is_empty() { &all } else { &table.key };
        let key: Vec<String> = key.iter().map(|k| out[*k].clone()).collect();
        let values = table.columns.len();
        match self.rows[t.table].get(&key) {
            // Many source rows say the same of one thing.
            Some(first) if first.values[..values] == out[..values] => {}
            Some(first) => {
                let place = format!("{}:{}", first.file, first.line);
                let reason =
                    (format!("与 {place} 的键相同而内容不同"), format!("the same key as {place} with other values"));
                self.lose(row, &table.name, reason);
            }
            None => {
                let (file, cells) = (row.source.name.to_string(), row.cells.to_vec());
                self.rows[t.table].insert(key, Kept { values: out, file, line: row.line, cells });
            }
        }
    }

    /// Hands back rows that refer to a row of another imported table that is not there, until there are no more.
    fn close(&mut self, imported: &BTreeSet<usize>) {
        let schema = self.schema;
        loop {
            let mut fallen = false;
            for (i, table) in schema.tables.iter().enumerate() {
                for r in &table.references {
                    let Some(target) = schema.tables.iter().position(|t| t.rel == r.target) else { continue };
                    if !imported.contains(&target) {
                        continue;
                    }
                    let project = |k: &Kept, c: &[usize]| c.iter().map(|c| k.values[*c].clone()).collect::<Vec<_>>();
                    let there: BTreeSet<Vec<String>> =
                        self.rows[target].values().map(|k| project(k, &r.target_columns)).collect();
                    let falls = |k: &Kept| {
                        let tuple = project(k, &r.columns);
                        !tuple[0].is_empty() && !there.contains(&tuple)
                    };
                    let keys: Vec<Vec<String>> =
                        self.rows[i].iter().filter(|(_, k)| falls(k)).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        fallen = true;
                        let Some(k) = self.rows[i].remove(&key) else { continue };
                        let (value, there) = (project(&k, &r.columns).join(", "), &schema.tables[target].name);
                        self.lost.push(Lost {
                            reason: (
                                format!("所指的“{value}”未能导入 {there} 表"),
                                format!("\"{value}\", to which it refers, was not imported into {there}"),
                            ),
                            file: k.file,
                            line: k.line,
                            table: table.name.clone(),
                            cells: k.cells,
                        });
                    }
                }
            }
            if !fallen {
                return;
            }
        }
    }

    /// The value of a target cell; blank if there is none, or if it could not be mapped, which is noted.
    fn cell(&mut self, table: &TableSchema, cell: &Cell, row: &Row<'_>) -> String {
        let Some(column) = cell.column else {
            return cell.value.clone().unwrap_or_else(|| self.text(cell, row));
        };
        let schema = &table.columns[column];
        let held = |text: &str| value::held(&schema.kind, schema.matching, self.codes, text);
        if let Some(v) = &cell.value {
            return held(v).unwrap_or_default();
        }
        let written = self.text(cell, row);
        let mut text = written.clone();
        let mut found = !text.is_empty();
        if let (Some(regex), true) = (&cell.regex, found) {
            let captures = regex.captures(&written);
            let part = captures.as_ref().and_then(|c| c.get(1).or_else(|| c.get(0)));
            found = part.is_some();
            text = part.map(|p| p.as_str().trim().to_owned()).unwrap_or_default();
        }
        if found && !cell.map.is_empty() {
            let folded = fold(&text);
            match cell.map.iter().find(|(from, _)| fold(from) == folded) {
                Some((_, to)) if to.is_empty() => return String::new(),
                Some((_, to)) => text = to.clone(),
                None => found = held(&text).is_some() && cell.otherwise.is_none(),
            }
        }
        if let (Some(times), true) = (cell.times, found) {
            let product = multiply(&normal::plain(&text), times);
            found = product.is_some();
            text = product.unwrap_or_default();
        }
        if let (Some(prefix), true) = (&cell.key, found) {
            let plain = normal::key(&text, schema.matching);
            let hash = blake3::hash(format!("{prefix}\0{plain}").as_bytes()).to_hex();
            return format!("{prefix}-{}", &hash[..KEY]);
        }
        if let Some(v) = Some(&text).filter(|_| found).and_then(|t| held(t)) {
            return v;
        }
        if let Some(v) = &cell.otherwise {
            return held(v).unwrap_or_default();
        }
        if !written.is_empty() {
            let target = format!("{}.{}", table.name, schema.name);
            let from = cell.from.iter().map(|a| a.join("|")).collect::<Vec<_>>().join(", ");
            let (cells, places) = self.unmapped.entry((target, from, written)).or_default();
            *cells += 1;
            if places.len() < PLACES {
                places.push(row.place());
            }
        }
        String::new()
    }

    fn text(&self, cell: &Cell, row: &Row<'_>) -> String {
        let parts: Vec<&str> = cell.from.iter().map(|a| row.get(a)).filter(|p| !p.is_empty()).collect();
        parts.join(&cell.join)
    }
}

/// A decimal number times a whole one, exactly.
fn multiply(text: &str, times: i64) -> Option<String> {
    let plain = text.replace([',', ' '], "");
    let (minus, digits) = plain.strip_prefix('-').map_or((false, plain.as_str()), |d| (true, d));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let sound = |s: &str| s.len() <= 15 && s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !sound(whole) || !sound(fraction) {
        return None;
    }
    let product = format!("{whole}{fraction}").parse::<i128>().ok()? * i128::from(times);
    let scale = 10i128.pow(fraction.len() as u32);
    let rest = format!("{:0width$}", (product % scale).abs(), width = fraction.len());
    let rest = if fraction.is_empty() { "" } else { rest.trim_end_matches('0') };
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if minus != (product < 0) && product != 0 { "-" } else { "" };
    Some(format!("{sign}{}{point}{rest}", (product / scale).abs()))
}

#[cfg(test)]
mod tests {
    use super::multiply;

    #[test]
    fn decimals_times_whole_numbers() {
        for (text, times, want) in [
            ("1.5", 10_000, Some("15000")),
            ("0.0001", 10_000, Some("1")),
            ("2", 10_000, Some("20000")),
            ("1.23456", 10_000, Some("12345.6")),
            ("1,200.5", 10, Some("12005")),
            ("-1.5", 2, Some("-3")),
            ("", 2, None),
            ("多", 2, None),
            ("1.2.3", 2, None),
        ] {
            assert_eq!(multiply(text, times).as_deref(), want, "{text}");
        }
    }
}
