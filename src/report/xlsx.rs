//! The results as a workbook for people: one sheet for each output relation, headers in Chinese and English, codes by their
//! labels, names beside ids, dates as dates. Text is written as text, so that a cell that begins with `=` is no formula.

use super::answer;
use super::explain::words::Words;
use super::layout::width;
use super::table::{Look, Ranks, looks, marking, marks};
use crate::bulk::Run;
use crate::engine::value::{self, Word};
use crate::facts::Lang;
use crate::facts::schema::{ColumnSchema, Schema};
use crate::lang::date;
use crate::lang::program::{Column, Const, Program, RelId, Relation, TypeId};
use crate::proof::graph::Value;
use crate::query::{Answer, Asked};
use crate::rulebook::{Rulebook, names};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Url, Workbook, Worksheet, XlsxError};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Rows of a sheet below its header.
const ROWS: usize = 1_048_575;
/// Characters of a cell.
const CELL: usize = 32_000;
/// Rows that are looked at for the width of a column.
const LOOKED: usize = 500;
/// Narrowest and widest column, in characters.
const WIDTHS: (usize, usize) = (8, 60);

/// Formats shared by the sheets of a workbook.
pub(super) struct Formats {
    pub head: Format,
    pub date: Format,
}

impl Formats {
    pub fn new() -> Self {
        let head =
            Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top).set_background_color(0x00DD_EBF7);
        Self { head, date: Format::new().set_num_format("yyyy-mm-dd") }
    }
}

/// A new workbook whose bytes depend on its content alone.
pub(super) fn workbook(title: &str) -> Result<Workbook, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_title(title).set_author("zhuize").set_creation_datetime(&made));
    Ok(book)
}

/// A name that a sheet may have and no other sheet of the workbook has.
pub(super) fn sheet_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let plain: String = wanted.chars().map(|c| if "[]:*?/\\'".contains(c) { ' ' } else { c }).collect();
    let short = |n: usize| plain.chars().take(31 - n).collect::<String>();
    let mut name = short(0);
    let mut i = 2;
    while !taken.insert(name.to_lowercase()) {
        let tail = format!(" ({i})");
        name = short(tail.len()) + &tail;
        i += 1;
    }
    name
}

/// Two lines: the label of people, and the name of the machine, by which the column is found again.
pub(super) fn head(label: &str, name: &str) -> String {
    if label.is_empty() || label == name { name.to_owned() } else { format!("{label}\n{name}") }
}

/// Text as a cell holds it.
pub(super) fn cell(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

struct Writer<'a> {
    book: &'a Rulebook,
    run: &'a Run,
    lang: Lang,
    ranks: Ranks,
    marking: BTreeSet<RelId>,
    formats: Formats,
    names: HashMap<u32, Names<'a>>,
}

/// What stands beside the ids of a type.
struct Names<'a> {
    column: (RelId, usize),
    by_id: HashMap<Word, &'a str>,
}

impl<'a> Writer<'a> {
    fn say(&self, zh: &'a str, en: &'a str) -> &'a str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    /// Annotation of a type or the types above it.
    fn note(&self, mut ty: TypeId, key: &str) -> Option<&'a str> {
        loop {
            let t = self.book.program.types.get(ty.index())?;
            if let Some(n) = t.notes.get(key) {
                return Some(n);
            }
            ty = t.parent?;
        }
    }

    fn schema(&self) -> &'a Schema {
        &self.run.loaded.schema
    }

    /// What people call a column: as its relation says, as an input table calls a column of that name and type, as its type says.
    fn label(&self, relation: &Relation, column: &Column) -> String {
        let pick = |zh: &str, en: &str| if self.lang == Lang::Zh { zh.to_owned() } else { en.to_owned() };
        for n in relation.notes.0.iter().filter(|n| n.key == "col") {
            if let Some((name, labels)) = n.value.split_once(char::is_whitespace)
                && name == column.name
            {
                let (zh, en) = labels.split_once('|').unwrap_or((labels, ""));
                let first = |s: &str| s.split([';', '；']).next().unwrap_or("").trim().to_owned();
                return pick(&first(zh), &first(en));
            }
        }
        let same = |(t, c): &(usize, &ColumnSchema)| {
            let given = &self.book.program.rel(self.schema().tables[*t].rel).columns;
            c.name == column.name && given.iter().any(|g| g.name == c.name && g.ty == column.ty)
        };
        let all = self.schema().tables.iter().enumerate().flat_map(|(i, t)| t.columns.iter().map(move |c| (i, c)));
        if let Some((_, c)) = all.filter(same).find(|(_, c)| c.zh.is_some()) {
            return pick(c.zh.as_deref().unwrap_or(""), c.en.as_deref().unwrap_or(""));
        }
        self.note(column.ty, self.say("zh", "en")).unwrap_or("").to_owned()
    }

    fn sheet_of(&self, relation: &Relation) -> &'a str {
        let label = relation.notes.get("zh").filter(|_| self.lang == Lang::Zh);
        let own = self.book.program.relations.iter().find(|r| r.name == relation.name);
        own.map_or("", |r| if label.is_some() { r.notes.get("zh").unwrap_or(&r.name) } else { &r.name })
    }

    /// Writes a relation into as many sheets as it needs; gives the name of the first.
    fn relation(&self, out: &mut Workbook, rel: RelId, taken: &mut BTreeSet<String>) -> Result<String, XlsxError> {
        let program = &self.book.program;
        let relation = program.rel(rel);
        let (looks, marks) = (looks(program, relation), marks(program, &self.run.database, &self.marking, rel));
        let table = self.run.database.table(rel);
        let order = self.ranks.order(table, &looks);
        let symbols = &self.run.database.symbols;
        let mut heads: Vec<String> = Vec::new();
        for c in &relation.columns {
            heads.push(head(&self.label(relation, c), &c.name));
            if let Some(names) = self.names.get(&c.ty.0) {
                let (r, i) = names.column;
                heads.push(self.label(program.rel(r), &program.rel(r).columns[i]));
            }
        }
        heads.extend(marks.iter().map(|m| m.name.clone()));
        let lists: Vec<Option<&str>> = relation.columns.iter().map(|c| self.note(c.ty, "codes")).collect();
        let text = |column: usize, word: Word| -> String {
            let text = symbols.resolve(word);
            let code = lists[column].and_then(|l| self.book.codes.find(l, text));
            let label = code.map(|c| if self.lang == Lang::Zh { &c.zh } else { &c.en });
            label.filter(|l| !l.is_empty()).cloned().unwrap_or_else(|| text.to_owned())
        };
        let name_of = |column: usize, word: Word| {
            let names = self.names.get(&relation.columns[column].ty.0)?;
            Some(names.by_id.get(&word).copied().unwrap_or(""))
        };
        let mut widths: Vec<usize> = heads.iter().map(|h| h.lines().map(width).max().unwrap_or(0) + 3).collect();
        for i in order.iter().take(LOOKED) {
            let mut at = 0;
            for (c, word) in table.row(*i as usize).iter().enumerate() {
                let own = if looks[c] == Look::Text { width(&text(c, *word)) } else { 11 };
                widths[at] = widths[at].max(own + 1);
                at += 1;
                if let Some(name) = name_of(c, *word) {
                    widths[at] = widths[at].max(width(name) + 1);
                    at += 1;
                }
            }
        }
        let mut first = None;
        let pieces: Vec<&[u32]> = if order.is_empty() { vec![&order[..]] } else { order.chunks(ROWS).collect() };
        for piece in pieces {
            let name = sheet_name(self.sheet_of(relation), taken);
            let sheet = out.add_worksheet_with_constant_memory()?;
            sheet.set_name(&name)?;
            first.get_or_insert(name);
            begin(sheet, &heads, &widths, piece.len(), &self.formats)?;
            let mut key = Vec::new();
            for (r, i) in (1u32..).zip(piece) {
                let row = table.row(*i as usize);
                let mut at = 0u16;
                for (c, word) in row.iter().enumerate() {
                    match looks[c] {
                        Look::Text => write(sheet, r, at, &text(c, *word))?,
                        Look::Number if value::to_number(*word) == date::BLANK => {}
                        Look::Date if value::to_number(*word) == date::BLANK => {}
                        Look::Number => drop(sheet.write_number(r, at, value::to_number(*word))?),
                        Look::Unsigned => drop(sheet.write_number(r, at, *word)?),
                        Look::Float => drop(sheet.write_number(r, at, f64::from(value::to_float(*word)))?),
                        Look::Date => day(sheet, r, at, value::to_number(*word), &self.formats)?,
                    }
                    at += 1;
                    if let Some(name) = name_of(c, *word) {
                        write(sheet, r, at, name)?;
                        at += 1;
                    }
                }
                for m in &marks {
                    if m.marks(row, &mut key) {
                        sheet.write_string(r, at, self.say("是", "yes"))?;
                    }
                    at += 1;
                }
            }
        }
        Ok(first.unwrap_or_default())
    }
}

fn day(sheet: &mut Worksheet, row: u32, column: u16, day: i32, formats: &Formats) -> Result<(), XlsxError> {
    let (y, m, d) = date::to_civil(day);
    match (u16::try_from(y), y >= 1900) {
        (Ok(year), true) => {
            let date = ExcelDateTime::from_ymd(year, m as u8, d as u8)?;
            sheet.write_datetime_with_format(row, column, &date, &formats.date)?;
        }
        // No spreadsheet has such a day.
        _ => drop(sheet.write_string(row, column, date::iso(day))?),
    }
    Ok(())
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<(), XlsxError> {
    if !text.is_empty() {
        sheet.write_string(row, column, cell(text))?;
    }
    Ok(())
}

/// Header, widths, what stays in sight, filters.
fn begin(
    sheet: &mut Worksheet,
    heads: &[String],
    widths: &[usize],
    rows: usize,
    formats: &Formats,
) -> Result<(), XlsxError> {
    for (c, w) in widths.iter().enumerate() {
        sheet.set_column_width(c as u16, (*w).clamp(WIDTHS.0, WIDTHS.1) as f64)?;
    }
    for (c, h) in heads.iter().enumerate() {
        sheet.write_string_with_format(0, c as u16, h, &formats.head)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    if !heads.is_empty() {
        sheet.autofilter(0, 0, rows as u32, heads.len() as u16 - 1)?;
    }
    Ok(())
}

/// A sheet of text.
fn plain(
    out: &mut Workbook,
    name: &str,
    heads: &[&str],
    rows: &[Vec<String>],
    formats: &Formats,
) -> Result<(), XlsxError> {
    let heads: Vec<String> = heads.iter().map(|h| (*h).to_owned()).collect();
    let mut widths: Vec<usize> = heads.iter().map(|h| width(h) + 3).collect();
    rows.iter().for_each(|r| r.iter().zip(&mut widths).for_each(|(t, w)| *w = (*w).max(width(t) + 1)));
    let sheet = out.add_worksheet();
    sheet.set_name(name)?;
    begin(sheet, &heads, &widths, rows.len(), formats)?;
    for (r, row) in (1u32..).zip(rows.iter().take(ROWS)) {
        for (c, text) in row.iter().enumerate() {
            write(sheet, r, c as u16, text)?;
        }
    }
    Ok(())
}

fn names<'a>(program: &'a Program, run: &'a Run) -> HashMap<u32, Names<'a>> {
    let text = |w: Word| run.database.symbols.resolve(w);
    let of = |at: names::Names| Names {
        column: (at.table, at.name),
        by_id: run.database.table(at.table).rows().map(|r| (r[at.key], text(r[at.name]))).collect(),
    };
    (0..).zip(names::all(program)).filter_map(|(ty, at)| Some((ty, of(at?)))).collect()
}

/// The results of a run as the bytes of a workbook: a table of contents, the files read, the rows left out, the relations.
///
/// # Errors
/// What the writer of workbooks says: a temporary file could not be written.
pub fn results(book: &Rulebook, run: &Run, as_of: i32, lang: Lang) -> Result<Vec<u8>, XlsxError> {
    let w = Writer {
        book,
        run,
        lang,
        ranks: Ranks::new(&run.database.symbols),
        marking: marking(&book.program, &run.database),
        formats: Formats::new(),
        names: names(&book.program, run),
    };
    let mut out = workbook(w.say("追责推理结果", "Conclusions"))?;
    let mut taken = BTreeSet::new();
    let contents = sheet_name(w.say("目录", "contents"), &mut taken);
    out.add_worksheet().set_name(&contents)?;
    let mut list: Vec<(String, String, String, usize)> = Vec::new();
    for (i, relation) in book.program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty()) {
        let rel = RelId(i as u32);
        let sheet = w.relation(&mut out, rel, &mut taken)?;
        let label = relation.notes.get(w.say("zh", "en")).unwrap_or("").to_owned();
        list.push((sheet, relation.name.clone(), label, run.database.table(rel).len()));
    }
    let files = sheet_name(w.say("数据来源", "sources"), &mut taken);
    let rows: Vec<Vec<String>> = run
        .loaded
        .inventory
        .iter()
        .map(|f| vec![f.name.clone(), f.table.clone(), f.rows.to_string(), f.encoding.to_owned(), f.hash.clone()])
        .collect();
    plain(&mut out, &files, &["file", "table", "rows", "encoding", "blake3"], &rows, &w.formats)?;
    if !run.loaded.rejected.is_empty() {
        let name = sheet_name(w.say("剔除的行", "rejected"), &mut taken);
        let reasons = |r: &crate::facts::Rejected| {
            r.reasons.iter().map(|d| format!("[{}] {}", d.code(), d.message(lang))).collect::<Vec<_>>().join("; ")
        };
        let rows: Vec<Vec<String>> = run
            .loaded
            .rejected
            .iter()
            .map(|r| vec![r.file.to_string(), r.line.to_string(), reasons(r), r.raw.clone()])
            .collect();
        plain(&mut out, &name, &["file", "line", "reason", "row"], &rows, &w.formats)?;
    }
    let sheet = out.worksheet_from_index(0)?;
    let heads = [w.say("工作表", "sheet"), w.say("关系", "relation"), w.say("含义", "meaning"), w.say("行数", "rows")];
    begin(sheet, &heads.map(str::to_owned), &[24, 24, 40, 10], list.len(), &w.formats)?;
    for (r, (name, relation, label, rows)) in (1u32..).zip(&list) {
        let link = Url::new(format!("internal:'{name}'!A1")).set_text(name);
        sheet.write_url(r, 0, link)?;
        sheet.write_string(r, 1, relation)?.write_string(r, 2, label)?.write_number(r, 3, *rows as f64)?;
    }
    let r = list.len() as u32 + 2;
    sheet.write_string(r, 0, w.say("基准日", "as of"))?.write_string(r, 1, date::iso(as_of))?;
    out.save_to_buffer()
}

/// Results of questions as the bytes of a workbook, a sheet for each, in words. A relation has its name as a title.
///
/// # Errors
/// What the writer of workbooks says.
pub fn answers(
    program: &Program,
    results: &[(Option<&str>, &Asked, &Answer)],
    words: &dyn Words,
    codes: bool,
) -> Result<Vec<u8>, XlsxError> {
    let language = words.language();
    let mut out = workbook(language.pick("查询结果", "Answers"))?;
    let (formats, mut taken) = (Formats::new(), BTreeSet::new());
    for (title, asked, answer) in results {
        let marks = answer.marks.iter().map(|m| answer::mark_label(program, asked, &m.name, language));
        let names = asked.show.iter().map(|c| asked.columns[*c].name.as_str());
        let labels = answer::labels(program, asked, language);
        let mut heads: Vec<String> = labels.iter().zip(names).map(|(l, n)| head(l, n)).chain(marks).collect();
        if asked.columns.is_empty() {
            heads.push(language.pick("成立", "holds").to_owned());
        }
        let mut widths: Vec<usize> = heads.iter().map(|h| h.lines().map(width).max().unwrap_or(0) + 3).collect();
        let text = |v: &Value| answer::worded(program, words, v, codes);
        for row in answer.rows.iter().take(LOOKED) {
            row.iter().zip(&mut widths).for_each(|(v, w)| *w = (*w).max(width(&text(v)) + 1));
        }
        let pieces: Vec<Range<usize>> =
            (0..answer.rows.len().max(1)).step_by(ROWS).map(|s| s..(s + ROWS).min(answer.rows.len())).collect();
        for piece in pieces {
            let name = sheet_name(title.unwrap_or(language.pick("结果", "result")), &mut taken);
            let sheet = out.add_worksheet_with_constant_memory()?;
            sheet.set_name(&name)?;
            begin(sheet, &heads, &widths, piece.len().max(usize::from(asked.columns.is_empty())), &formats)?;
            if asked.columns.is_empty() {
                let yes = !answer.rows.is_empty();
                write(sheet, 1, 0, if yes { language.pick("是", "yes") } else { language.pick("否", "no") })?;
                continue;
            }
            for (r, i) in (1u32..).zip(piece) {
                let row = &answer.rows[i];
                for (c, v) in (0u16..).zip(row) {
                    let is_day = program.types[v.ty.index()].date;
                    match &v.value {
                        Const::Number(date::BLANK) => {}
                        Const::Number(n) if is_day => day(sheet, r, c, *n, &formats)?,
                        Const::Number(n) => drop(sheet.write_number(r, c, *n)?),
                        Const::Unsigned(n) => drop(sheet.write_number(r, c, *n)?),
                        Const::Float(f) => drop(sheet.write_number(r, c, f64::from(*f))?),
                        Const::Symbol(_) => write(sheet, r, c, &text(v))?,
                    }
                }
                for (c, m) in (row.len() as u16..).zip(&answer.marks) {
                    write(sheet, r, c, if m.rows[i] { language.pick("是", "yes") } else { "" })?;
                }
            }
        }
    }
    out.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sheets() {
        let mut taken = BTreeSet::new();
        assert_eq!(sheet_name("a/b", &mut taken), "a b");
        assert_eq!(sheet_name("A b", &mut taken), "A b (2)");
        let long = sheet_name(&"长".repeat(40), &mut taken);
        assert_eq!(long.chars().count(), 31);
        assert_eq!(sheet_name(&"长".repeat(40), &mut taken), format!("{} (2)", "长".repeat(27)));
        assert_eq!(cell(&"字".repeat(CELL + 5)).chars().count(), CELL + 1);
    }
}
