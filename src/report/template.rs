//! Blank tables to fill in: a workbook with lists to choose from and notes on every column, or CSV files with their headers. Both
//! come from the annotations of the tables, as the loader does.

use super::xlsx::{Formats, head, sheet_name, workbook};
use crate::facts::Lang;
use crate::facts::schema::{ColumnSchema, Kind, Schema, TableSchema};
use crate::rulebook::Rulebook;
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, ExcelDateTime, Format, FormatAlign, Formula, Note, Workbook, Worksheet,
    XlsxError,
};
use std::collections::{BTreeMap, BTreeSet};

/// Last row for which lists are offered.
const LAST: u32 = 1_048_575;
/// Values of which one probably has the form that a pattern asks for.
const SAMPLES: [&str; 6] = ["410100", "1000.00", "1", "A1", "2021", "a"];
/// The column that every table has.
const SOURCE: (&str, &str, &str) = ("source", "出处", "source");

/// The tables that people fill in.
pub fn tables<'a>(book: &'a Rulebook, schema: &'a Schema) -> impl Iterator<Item = &'a TableSchema> {
    schema.tables.iter().filter(|t| !book.program.rel(t.rel).notes.has("hidden"))
}

/// The header of a table as CSV.
#[must_use]
pub fn csv(table: &TableSchema) -> String {
    let names = table.columns.iter().map(|c| c.name.as_str()).chain([SOURCE.0]);
    names.collect::<Vec<_>>().join(",") + "\n"
}

struct Maker<'a> {
    book: &'a Rulebook,
    schema: &'a Schema,
    lang: Lang,
    formats: Formats,
    /// Per code list the range of cells that holds its words.
    lists: BTreeMap<String, String>,
}

impl<'a> Maker<'a> {
    fn say<'s>(&self, zh: &'s str, en: &'s str) -> &'s str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    fn label<'s>(&self, zh: &'s Option<String>, en: &'s Option<String>, name: &'s str) -> &'s str {
        self.say(zh.as_deref().unwrap_or(name), en.as_deref().unwrap_or(name))
    }

    /// The words of a list that may be entered: labels, where the loader knows which code they stand for.
    fn words(&self, list: &str) -> Vec<String> {
        let codes = self.book.codes.lists.get(list).into_iter().flatten().filter(|c| !c.derived);
        let word = |c: &crate::facts::codes::Code| {
            let label = self.say(&c.zh, &c.en);
            let sure = self.book.codes.accepted(list, label).is_some_and(|a| a.code == c.code);
            if sure { label.to_owned() } else { c.code.clone() }
        };
        codes.map(word).collect()
    }

    /// What stands in the note of a column.
    fn note(&self, table: &TableSchema, index: usize) -> String {
        let c = &table.columns[index];
        let mut lines = vec![
            self.say(if c.must { "必填" } else { "可空" }, if c.must { "required" } else { "may be blank" }).to_owned(),
        ];
        lines.push(match &c.kind {
            Kind::Code(_) => self.say("从列表中选择", "choose from the list").to_owned(),
            Kind::Date => self.say("日期，如 2021-03-05", "date, such as 2021-03-05").to_owned(),
            Kind::Number | Kind::Unsigned => self.say("整数", "whole number").to_owned(),
            Kind::Float => self.say("数字", "number").to_owned(),
            Kind::Pattern(p) => format!("{} {p}", self.say("格式", "form")),
            Kind::Symbol => self.say("编号或名称", "id or name").to_owned(),
            Kind::Plain => self.say("文字", "text").to_owned(),
        });
        if table.key.contains(&index) {
            let others: Vec<&str> =
                table.key.iter().filter(|k| **k != index).map(|k| self.column(&table.columns[*k])).collect();
            lines.push(match (others.is_empty(), self.lang) {
                (true, Lang::Zh) => "不得重复".to_owned(),
                (true, Lang::En) => "unique".to_owned(),
                (false, Lang::Zh) => format!("与{}合起来不得重复", others.join("、")),
                (false, Lang::En) => format!("unique together with {}", others.join(", ")),
            });
        }
        for r in table.references.iter().filter(|r| r.columns.contains(&index)) {
            let Some(target) = self.schema.table_of(r.target) else { continue };
            let at = r.columns.iter().position(|c| *c == index).map_or(0, |i| r.target_columns[i]);
            let (table, column) = (self.label(&target.zh, &target.en, &target.name), self.column(&target.columns[at]));
            let line = match self.lang {
                Lang::Zh => format!("须在“{table}”表的“{column}”列中已有"),
                Lang::En => format!("must stand in the column \"{column}\" of the table \"{table}\""),
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if let Some(d) = &c.default {
            let code = if let Kind::Code(list) = &c.kind { self.book.codes.find(list, d) } else { None };
            let shown = code.map_or(d.as_str(), |c| self.say(&c.zh, &c.en));
            lines.push(format!("{} {shown}", self.say("留空即为", "blank means")));
        }
        let hint = self.say(&c.hint.0, &c.hint.1);
        if !hint.is_empty() {
            lines.push(hint.to_owned());
        }
        lines.join("\n")
    }

    fn column<'s>(&self, c: &'s ColumnSchema) -> &'s str {
        self.label(&c.zh, &c.en, &c.name)
    }

    /// An example for a cell of the column.
    fn example(&self, c: &ColumnSchema) -> String {
        match &c.kind {
            Kind::Code(list) => self.words(list).into_iter().next().unwrap_or_default(),
            Kind::Date => "2021-03-05".to_owned(),
            Kind::Number | Kind::Unsigned | Kind::Float => "1".to_owned(),
            Kind::Pattern(p) => SAMPLES.iter().find(|s| p.is_match(s)).map_or_else(String::new, |s| (*s).to_owned()),
            Kind::Symbol => format!("{}1", c.name),
            Kind::Plain => self.say("文字", "text").to_owned(),
        }
    }

    fn sheet(&self, sheet: &mut Worksheet, table: &TableSchema) -> Result<(), XlsxError> {
        let must =
            Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top).set_background_color(0x00FC_E4D6);
        let grey = Format::new().set_italic().set_font_color(0x0080_8080);
        let text = Format::new().set_num_format("@");
        for (i, c) in table.columns.iter().enumerate() {
            let at = i as u16;
            let label = head(self.column(c), &c.name);
            sheet.set_column_width(
                at,
                label.lines().map(super::layout::width).max().unwrap_or(8).clamp(10, 30) as f64 + 4.0,
            )?;
            let format = if matches!(c.kind, Kind::Date) { &self.formats.date } else { &text };
            if !matches!(c.kind, Kind::Number | Kind::Unsigned | Kind::Float) {
                sheet.set_column_format(at, format)?;
            }
            sheet.write_string_with_format(0, at, &label, if c.must { &must } else { &self.formats.head })?;
            let note = self.note(table, i);
            let height = 20 * (note.lines().count() as u32 + 1);
            sheet.insert_note(0, at, &Note::new(&note).add_author_prefix(false).set_width(260).set_height(height))?;
            if let Kind::Code(list) = &c.kind
                && let Some(range) = self.lists.get(list)
            {
                let choice = DataValidation::new()
                    .allow_list_formula(Formula::new(range))
                    .ignore_blank(true)
                    .set_error_style(DataValidationErrorStyle::Stop)
                    .set_error_message(self.say("请从列表中选择", "choose from the list"))?;
                sheet.add_data_validation(1, at, LAST, at, &choice)?;
            }
            let mut example = self.example(c);
            if i == 0 {
                example = format!("{}{example}", self.say("示例：", "example: "));
            }
            match (&c.kind, i) {
                (Kind::Date, 1..) => {
                    let day = Format::new().set_italic().set_font_color(0x0080_8080).set_num_format("yyyy-mm-dd");
                    sheet.write_datetime_with_format(1, at, ExcelDateTime::parse_from_str(&example)?, &day)?;
                }
                _ => drop(sheet.write_string_with_format(1, at, &example, &grey)?),
            }
        }
        let at = table.columns.len() as u16;
        sheet.set_column_width(at, 24)?.set_column_format(at, &text)?;
        sheet.write_string_with_format(0, at, head(self.say(SOURCE.1, SOURCE.2), SOURCE.0), &self.formats.head)?;
        sheet.write_string_with_format(1, at, self.say("卷宗第1页", "file, page 1"), &grey)?;
        sheet.set_row_height(0, 32)?.set_freeze_panes(1, 1)?;
        Ok(())
    }

    fn notes(&self, sheet: &mut Worksheet) -> Result<(), XlsxError> {
        let lines = match self.lang {
            Lang::Zh => [
                "一张工作表就是一张数据表；没有内容的工作表可以留着，也可以删去。标题带底色：橙色为必填列，蓝色可空。",
                "灰色斜体的“示例”行不会被读取，填写时可以覆盖或删去。列标题上的批注说明该列怎么填。",
                "有下拉列表的列从列表中选择。日期写 2021-03-05、2021/3/5 或 2021年3月5日。留空表示不知道，不等于“否”。",
                "填好后：zhuize check 本文件.xlsx 核对，zhuize run 本文件.xlsx -o 结果.xlsx 推导。",
            ],
            Lang::En => [
                "A sheet is a table; sheets without content may stay or go. Orange headers must be filled in, blue ones may be blank.",
                "The grey row marked as an example is not read: write over it or delete it. The notes on the headers say what to enter.",
                "Where there is a list, choose from it. Dates are 2021-03-05 or 2021/3/5. Blank means unknown, never no.",
                "When done: zhuize check THIS.xlsx, then zhuize run THIS.xlsx -o RESULTS.xlsx.",
            ],
        };
        sheet.set_column_width(0, 26)?.set_column_width(1, 26)?.set_column_width(2, 60)?;
        for (r, line) in (0u32..).zip(lines) {
            sheet.write_string(r, 0, line)?;
        }
        let heads = [self.say("工作表", "sheet"), self.say("表名", "table"), self.say("要求", "rule")];
        for (c, h) in (0u16..).zip(heads) {
            sheet.write_string_with_format(5, c, h, &self.formats.head)?;
        }
        for (r, t) in (6u32..).zip(tables(self.book, self.schema)) {
            sheet.write_string(r, 0, self.label(&t.zh, &t.en, &t.name))?.write_string(r, 1, &t.name)?;
            sheet.write_string(
                r,
                2,
                if t.needed { self.say("必须有", "needed") } else { self.say("需要时填", "as needed") },
            )?;
        }
        Ok(())
    }

    fn lists(&mut self, sheet: &mut Worksheet, name: &str) -> Result<(), XlsxError> {
        let used: BTreeSet<&String> = tables(self.book, self.schema)
            .flat_map(|t| &t.columns)
            .filter_map(|c| if let Kind::Code(list) = &c.kind { Some(list) } else { None })
            .collect();
        let mut ranges = BTreeMap::new();
        for (c, list) in (0u16..).zip(used) {
            let words = self.words(list);
            sheet.write_string_with_format(0, c, list, &self.formats.head)?;
            for (r, word) in (1u32..).zip(&words) {
                sheet.write_string(r, c, word)?;
            }
            let column = crate::facts::column_letters(u32::from(c) + 1);
            ranges.insert(list.clone(), format!("='{name}'!${column}$2:${column}${}", words.len().max(1) + 1));
        }
        sheet.set_hidden(true);
        self.lists = ranges;
        Ok(())
    }
}

/// The workbook to fill in.
///
/// # Errors
/// What the writer of workbooks says.
pub fn fill_in(book: &Rulebook, schema: &Schema, lang: Lang) -> Result<Vec<u8>, XlsxError> {
    let mut m = Maker { book, schema, lang, formats: Formats::new(), lists: BTreeMap::new() };
    let mut out: Workbook = workbook(m.say("案件登记表", "Tables of a casebase"))?;
    let mut taken = BTreeSet::new();
    let notes = sheet_name(m.say("说明", "notes"), &mut taken);
    let codes = sheet_name(m.say("代码", "codes"), &mut taken);
    m.notes(out.add_worksheet().set_name(&notes)?)?;
    let mut hidden = Worksheet::new();
    hidden.set_name(&codes)?;
    m.lists(&mut hidden, &codes)?;
    for t in tables(book, schema) {
        let name = sheet_name(m.label(&t.zh, &t.en, &t.name), &mut taken);
        m.sheet(out.add_worksheet().set_name(&name)?, t)?;
    }
    out.push_worksheet(hidden);
    out.save_to_buffer()
}
