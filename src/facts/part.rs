//! One file of a table: records to words. Text becomes numbers of a dictionary that each column has for itself, so that
//! files can be read side by side; [`super::rows`] makes them symbols of the run.

use super::codes::CodeLists;
use super::defect::{Defect, Place, Problem};
use super::dict::{Copies, Dict};
use super::header::{self, Header};
use super::log::Log;
use super::record::{Fault, Layout, Record, Records, Span};
use super::schema::{ColumnSchema, Kind, TableSchema};
use super::{date, normal, split, value};
use crate::engine::value::{Word, to_float, to_number};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A text to be read as a table.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    /// Number in the load.
    pub index: usize,
    /// Name, as people know it.
    pub name: Arc<str>,
    /// The text.
    pub text: &'a str,
    /// How it is laid out.
    pub layout: Layout,
    /// Comes with the rulebook.
    pub shipped: bool,
}

impl<'a> Input<'a> {
    /// Its records.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.text, self.layout)
    }

    /// Place of a line; 0 for the whole.
    pub fn place(&self, line: u32) -> Place {
        Place { file: self.name.clone(), line, sheet: self.layout == Layout::Sheet, ..Place::default() }
    }

    /// Line and character of a byte of a record; of a columnar file the row alone.
    pub fn position(&self, records: &Records<'_>, record: &Record, byte: usize) -> (u32, u32) {
        if self.layout == Layout::Rows { (record.line, 0) } else { records.position(record, byte) }
    }
}

/// The days named by the dates of a table: one bit a day, 1900 to 2100.
#[derive(Clone, Debug)]
pub(crate) struct DaySet(Vec<u64>);

impl DaySet {
    pub fn new() -> Self {
        Self(vec![0; (date::LAST - date::FIRST) as usize / 64 + 1])
    }

    fn add(&mut self, day: i32) {
        let i = (day - date::FIRST) as usize;
        self.0[i / 64] |= 1 << (i % 64);
    }

    pub fn union(&mut self, other: &DaySet) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i32> + '_ {
        let bit = |i: &usize| self.0[i / 64] & (1 << (i % 64)) != 0;
        (0..self.0.len() * 64).filter(bit).map(|i| i as i32 + date::FIRST)
    }
}

/// What a file gives.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The file.
    pub input: Input<'a>,
    /// For each column of the table its place in the header, from 0.
    pub fields: Vec<Option<usize>>,
    /// A defect of the file as a whole: rows may be missing, so nobody should be told that his reference leads nowhere.
    pub failed: bool,
    /// Rows, flat; text as numbers of `dicts`.
    pub words: Vec<Word>,
    /// Line of each row.
    pub lines: Vec<u32>,
    /// Rows with a defect, in order.
    pub bad: Vec<u32>,
    /// Dictionary of each column of text.
    pub dicts: Vec<Option<Arc<Dict<'a>>>>,
    /// Lines that have a `source`, in order.
    pub sources: Vec<(u32, Arc<str>)>,
    /// Days named.
    pub days: DaySet,
    /// Columns in which values were read that are written in another form.
    pub conversions: Vec<Conversion>,
    /// Numbers of cases that were written in another form: column, number in its dictionary, line, as written.
    pub spellings: Vec<(usize, Word, u32, String)>,
    /// What was found.
    pub log: Log,
}

impl<'a> Part<'a> {
    fn new(input: Input<'a>, fields: Vec<Option<usize>>, log: Log) -> Self {
        Self {
            input,
            fields,
            failed: false,
            words: Vec::new(),
            lines: Vec::new(),
            bad: Vec::new(),
            dicts: Vec::new(),
            sources: Vec::new(),
            days: DaySet::new(),
            conversions: Vec::new(),
            spellings: Vec::new(),
            log,
        }
    }

    /// A part of the same file without rows.
    pub(super) fn empty(&self, log: Log) -> Self {
        Self::new(self.input.clone(), self.fields.clone(), log)
    }

    /// The same without the text of the file.
    pub fn without_text(self, copies: &Copies) -> Part<'static> {
        let Input { index, name, layout, shipped, .. } = self.input;
        Part {
            input: Input { index, name, text: "", layout, shipped },
            fields: self.fields,
            failed: self.failed,
            words: self.words,
            lines: self.lines,
            bad: self.bad,
            dicts: self.dicts.into_iter().map(|d| d.map(|d| d.copy(copies))).collect(),
            sources: self.sources,
            days: self.days,
            conversions: self.conversions,
            spellings: self.spellings,
            log: self.log,
        }
    }
}

/// Cells of a column that were written in another form than the one they are held in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Name of the column.
    pub column: String,
    /// Number of such cells.
    pub cells: usize,
    /// Line of the first.
    pub line: u32,
    /// The first, as written.
    pub written: String,
    /// The first, as held.
    pub read: String,
}

struct Column<'a, 's> {
    schema: &'s ColumnSchema,
    field: Option<usize>,
    /// Text and word of the last good cell, and whether it was written in another form.
    last: Option<(&'a str, Word, bool)>,
    dict: Option<Dict<'a>>,
    /// Numbers of texts that stand for a code, and those of the codes, in order.
    labels: Vec<(Word, Word)>,
    /// Cells that were written in another form.
    converted: usize,
    /// The first of them.
    first: Option<(u32, String, Word)>,
    /// Word of a blank cell; `None` if a value must stand there.
    blank: Option<Word>,
}

/// Word that stands for a cell which is no value: it never equals that of another row, so that no false duplicate arises.
/// As a number it is near the smallest of all, as a date it is no day.
fn stand_in(row: usize) -> Word {
    row as Word
}

/// What happened to a cell on its way.
#[derive(Default)]
struct Seen {
    /// Blanks around it were dropped.
    trimmed: bool,
    /// It was written in another form.
    converted: bool,
    /// Its text is a new one of the column.
    new: bool,
}

/// Applies a normal form to a text, keeping it where it stands if it has that form.
fn formed<'a>(text: Cow<'a, str>, form: impl Fn(&str) -> Cow<'_, str>, converted: &mut bool) -> Cow<'a, str> {
    let new = match form(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(new) => Some(new),
    };
    *converted |= new.is_some();
    new.map_or(text, Cow::Owned)
}

impl<'a> Column<'a, '_> {
    /// Reads a cell; `row` is its row.
    fn read(
        &mut self,
        text: Cow<'a, str>,
        row: usize,
        codes: &CodeLists,
        days: &mut DaySet,
        seen: &mut Seen,
    ) -> Result<Word, (Problem, Word)> {
        let kind = &self.schema.kind;
        let mut plain = text;
        let bare = normal::bare(&plain);
        if bare.is_empty() {
            return self.blank.ok_or((Problem::Blank, stand_in(row)));
        }
        if bare.len() < plain.len() && !matches!(kind, Kind::Plain) {
            seen.trimmed = true;
            plain = match plain {
                Cow::Borrowed(s) => Cow::Borrowed(normal::bare(s)),
                Cow::Owned(s) => Cow::Owned(normal::bare(&s).to_owned()),
            };
        }
        let memo = if let (Cow::Borrowed(s), false) = (&plain, seen.trimmed) { Some(*s) } else { None };
        let word = match &mut self.dict {
            Some(dict) if matches!(kind, Kind::Plain) => dict.append(plain),
            Some(_) => self.text(plain, codes, seen)?,
            None => {
                let word = value::word(kind, &plain).map_err(|p| (p, stand_in(row)))?;
                if matches!(kind, Kind::Date) {
                    days.add(to_number(word));
                    seen.converted = plain.len() != 10 || !plain.is_ascii() || plain.as_bytes()[4] != b'-';
                } else {
                    seen.converted = !plain.is_ascii();
                }
                word
            }
        };
        self.last = memo.map(|s| (s, word, seen.converted));
        Ok(word)
    }

    /// Word of a text in its normal form, or of the code for which it stands.
    fn text(&mut self, text: Cow<'a, str>, codes: &CodeLists, seen: &mut Seen) -> Result<Word, (Problem, Word)> {
        let schema = self.schema;
        let dict = self.dict.as_mut().expect("a column of text has a dictionary");
        let text = match &schema.kind {
            Kind::Code(_) => text,
            Kind::Pattern(_) => formed(text, normal::plain, &mut seen.converted),
            _ => formed(text, |t| normal::key(t, schema.matching), &mut seen.converted),
        };
        let (id, new) = dict.intern(text);
        seen.new = new;
        if new {
            if value::text(&schema.kind, codes, dict.text(id)).is_some() {
                dict.mark_bad(id);
            } else if let Kind::Code(list) = &schema.kind
                && codes.find(list, dict.text(id)).is_none()
                && let Some(code) = codes.accepted(list, dict.text(id))
            {
                let (code, _) = dict.intern(Cow::Owned(code.code.clone()));
                self.labels.push((id, code));
            }
        }
        if dict.is_bad(id) {
            // The text stays in the dictionary: references to it find this row.
            return Err((value::text(&schema.kind, codes, dict.text(id)).unwrap_or(Problem::Blank), id));
        }
        if !self.labels.is_empty()
            && let Ok(at) = self.labels.binary_search_by_key(&id, |l| l.0)
        {
            seen.converted = true;
            return Ok(self.labels[at].1);
        }
        Ok(id)
    }

    /// A word as the manifest shows it.
    fn show(&self, word: Word) -> String {
        match (&self.dict, &self.schema.kind) {
            (Some(dict), _) => dict.text(word).to_owned(),
            (None, Kind::Date) => date::iso(to_number(word)),
            (None, Kind::Unsigned) => word.to_string(),
            (None, Kind::Float) => to_float(word).to_string(),
            (None, _) => to_number(word).to_string(),
        }
    }
}

/// Reads a text as a table.
/// `seeds`: for each column the dictionary of the column it refers to, if that is known already. `pieces`: how many may be read
/// side by side.
pub(crate) fn read<'a>(
    input: Input<'a>,
    table: &TableSchema,
    codes: &CodeLists,
    seeds: Vec<Option<Arc<Dict<'a>>>>,
    pieces: usize,
    log: Log,
) -> Part<'a> {
    let mut part = Part::new(input, vec![None; table.columns.len()], log);
    let mut records = part.input.records();
    let mut record = Record::default();
    if !header::find(&mut records, &mut record, part.input.text, part.input.layout, table) {
        part.failed = true;
        part.log.push(Defect::new(part.input.place(0), Problem::Empty));
        return part;
    }
    let header = Header::read(&mut part, &records, &record, table);
    if part.fields.iter().all(Option::is_none) {
        return part;
    }
    let reader = Reader { table, codes, header, records, record, stop: None };
    if pieces > 1
        && let Some(whole) = split::rows(&reader, &part, &seeds, pieces)
    {
        return Part { log: part.log, ..whole };
    }
    reader.rows(&mut part, seeds);
    part
}

/// Reads the rows of a file, or of a piece of it.
pub(super) struct Reader<'a, 's> {
    pub(super) table: &'s TableSchema,
    codes: &'s CodeLists,
    header: Header,
    pub(super) records: Records<'a>,
    record: Record,
    /// Of a piece: it ends with the first report, of whichever piece.
    stop: Option<&'s AtomicBool>,
}

impl<'a, 's> Reader<'a, 's> {
    /// A reader of some of the records.
    pub(super) fn piece(&self, records: Records<'a>, stop: &'s AtomicBool) -> Self {
        Self { header: self.header.clone(), records, record: Record::default(), stop: Some(stop), ..*self }
    }

    /// Reads all rows; gives the place after the last record.
    pub(super) fn rows(mut self, part: &mut Part<'a>, seeds: Vec<Option<Arc<Dict<'a>>>>) -> usize {
        let table = self.table;
        let mut columns: Vec<Column<'a, '_>> = Vec::new();
        for ((schema, field), seed) in table.columns.iter().zip(&part.fields).zip(seeds) {
            let mut dict = schema.kind.is_text().then(|| Dict::new(seed));
            let default = schema.default.clone().and_then(|d| match (&mut dict, &schema.kind) {
                (Some(dict), _) => Some(dict.intern(Cow::Owned(d)).0),
                (None, kind) => value::word(kind, &d).ok(),
            });
            let blank = default.or(if schema.must { None } else { value::blank(&schema.kind) });
            let labels = Vec::new();
            let first = None;
            columns.push(Column { schema, field: *field, last: None, dict, labels, converted: 0, first, blank });
        }
        let header = self.header.names.len();
        // Commas after the last name are the spreadsheet's; rows may have them or not.
        let least = self.header.names.iter().rposition(|n| !n.is_empty()).map_or(0, |i| i + 1);
        let header_text = self.header.names.first().cloned().unwrap_or_default();
        let header_text = header_text.as_bytes();
        let has_nul = memchr::memchr(0, part.input.text.as_bytes()).is_some();
        let mut days = DaySet::new();
        let cells = part.input.layout.of_cells();
        while !self.stop.is_some_and(|s| s.load(Ordering::Relaxed)) && self.records.next(&mut self.record) {
            if cells {
                // Cells that nobody filled in at the end of a row are blank.
                let end = self.record.end;
                let least = self.record.fields.len().max(header);
                self.record.fields.resize(least, Span { start: end, end, doubled: false });
            }
            let n = self.record.fields.len();
            let first = self.record.fields[0];
            let text = &part.input.text.as_bytes()[first.start..first.end];
            if text.first().is_none_or(|b| *b <= b' ' || *b >= 0x80) && self.blank_from(0) {
                continue;
            }
            if text == header_text && self.is_header() {
                self.report(part, None, Problem::HeaderAgain, None, None);
                continue;
            }
            let row = part.lines.len();
            let mut bad = false;
            if let Some(fault) = self.record.fault {
                bad = true;
                let (f, problem) = match fault {
                    Fault::Open(f) => (f, Problem::OpenQuote),
                    Fault::After(f) => (f, Problem::TextAfterQuote),
                };
                part.failed |= problem == Problem::OpenQuote;
                self.report(part, Some(f), problem, None, None);
            } else if n < least || n > header && !self.blank_from(header) {
                bad = true;
                self.report(part, None, Problem::Fields { found: n, header: least }, None, None);
            }
            for (i, c) in columns.iter_mut().enumerate() {
                let span = c.field.and_then(|f| self.record.fields.get(f).copied());
                let Some(span) = span else {
                    // Missing columns and short rows are reported once, not cell by cell.
                    part.words.push(c.blank.unwrap_or_else(|| stand_in_of(c.schema, row)));
                    continue;
                };
                let text = self.records.field(span);
                if let (Some((last, word, converted)), Cow::Borrowed(t)) = (&c.last, &text)
                    && last == t
                {
                    part.words.push(*word);
                    c.converted += usize::from(*converted);
                    continue;
                }
                let mut seen = Seen::default();
                match c.read(text, row, self.codes, &mut days, &mut seen) {
                    Ok(word) => {
                        part.words.push(word);
                        if seen.converted {
                            self.converted(part, c, i, span, word, seen.new);
                        }
                    }
                    Err((problem, word)) => {
                        bad = true;
                        let word = if problem == Problem::Blank { stand_in_of(c.schema, row) } else { word };
                        part.words.push(word);
                        // Broken quotes shift the fields: what is in them says nothing.
                        if self.record.fault.is_none() {
                            self.report(part, c.field, problem, Some(span), Some(c.schema));
                        }
                    }
                }
                if seen.trimmed && self.record.fault.is_none() {
                    self.report(part, c.field, Problem::Blanks, Some(span), Some(c.schema));
                }
            }
            bad |= has_nul && self.nul(part);
            bad |= self.orders(part, row);
            if let Some(span) = self.header.source.and_then(|s| self.record.fields.get(s).copied()) {
                let text = self.records.field(span);
                if !text.trim().is_empty() {
                    part.sources.push((self.record.line, Arc::from(text.trim())));
                }
            }
            if !self.header.unnamed.is_empty() {
                self.unnamed(part);
            }
            part.lines.push(self.record.line);
            if bad {
                part.bad.push(row as u32);
            }
        }
        for c in &columns {
            if let Some((line, written, word)) = &c.first {
                let (column, read) = (c.schema.name.clone(), c.show(*word));
                part.conversions.push(Conversion {
                    column,
                    cells: c.converted,
                    line: *line,
                    written: written.clone(),
                    read,
                });
            }
        }
        part.dicts = columns.into_iter().map(|c| c.dict.map(Arc::new)).collect();
        part.days = days;
        self.records.place()
    }

    /// Notes a cell that is written in another form.
    #[cold]
    fn converted(&self, part: &mut Part<'a>, c: &mut Column<'a, '_>, i: usize, span: Span, word: Word, new: bool) {
        c.converted += 1;
        let written = || self.records.field(span).trim().to_owned();
        if c.first.is_none() {
            c.first = Some((self.record.line, written(), word));
        }
        if new && c.schema.matching.is_some() {
            part.spellings.push((i, word, self.record.line, written()));
        }
    }

    /// Whether the present record repeats the header.
    fn is_header(&self) -> bool {
        let fields = self.record.fields.iter().map(|s| self.records.field(*s));
        self.header.names.len() > 1
            && fields.map(|f| f.trim().to_owned()).eq(self.header.names.iter().map(|n| n.to_string()))
    }

    /// Whether all fields from that one on are blank.
    fn blank_from(&self, from: usize) -> bool {
        self.record.fields[from..].iter().all(|s| self.records.field(*s).trim().is_empty())
    }

    fn nul(&self, part: &mut Part<'a>) -> bool {
        let with = self.record.fields.iter().position(|s| self.records.field(*s).contains('\0'));
        let Some(f) = with else { return false };
        self.report(part, Some(f), Problem::Nul, None, None);
        true
    }

    /// A value under a header without a name would be lost; say so once.
    fn unnamed(&mut self, part: &mut Part<'a>) {
        let with = |f: &usize| self.record.fields.get(*f).is_some_and(|s| !self.records.field(*s).trim().is_empty());
        if let Some(f) = self.header.unnamed.iter().copied().find(with) {
            self.header.unnamed.retain(|u| *u != f);
            self.report(part, Some(f), Problem::UnknownColumn, None, None);
        }
    }

    fn orders(&self, part: &mut Part<'a>, row: usize) -> bool {
        let mut bad = false;
        for (a, b) in &self.table.orders {
            let base = row * self.table.columns.len();
            let (x, y) = (part.words[base + a], part.words[base + b]);
            let ((first, second), blank) = ((&self.table.columns[*a], &self.table.columns[*b]), date::BLANK);
            let (x, y) = (to_number(x), to_number(y));
            let known = |n: i32, c: &ColumnSchema| n != blank && (!matches!(c.kind, Kind::Date) || n >= date::FIRST);
            if x <= y || !known(x, first) || !known(y, second) {
                continue;
            }
            bad = true;
            let show = |n: i32, c: &ColumnSchema| {
                if matches!(c.kind, Kind::Date) { date::iso(n) } else { n.to_string() }
            };
            let problem = Problem::Order {
                first: first.name.clone(),
                second: second.name.clone(),
                first_value: show(x, first),
                second_value: show(y, second),
            };
            self.report(part, part.fields[*a], problem, None, None);
        }
        bad
    }

    /// Reports a problem of the present record; `span` and `schema` if it concerns the value of a cell.
    fn report(
        &self,
        part: &mut Part<'a>,
        field: Option<usize>,
        problem: Problem,
        span: Option<Span>,
        schema: Option<&ColumnSchema>,
    ) {
        self.stop.inspect(|stop| stop.store(true, Ordering::Relaxed));
        let line = self.record.line;
        let at = part.input.place(line);
        let make = |problem: Problem| {
            let mut place = at.clone();
            if let Some(f) = field {
                place.field = f as u32 + 1;
                place.column = self.header.names.get(f).cloned().unwrap_or_default();
                if let Some(s) = self.record.fields.get(f) {
                    (place.line, place.character) = part.input.position(&self.records, &self.record, s.start);
                }
            }
            let mut d = Defect::new(place, problem);
            if d.problem == Problem::UnknownColumn {
                d.value = Some(String::new());
            }
            let (Some(span), Some(schema)) = (span, schema) else { return d };
            let text = self.records.field(span).into_owned();
            match &d.problem {
                Problem::Blank => d.expected = value::choices(&schema.kind, self.codes),
                Problem::Blanks => {}
                Problem::NotADate => {
                    d.expected = value::either(&schema.kind, text.trim());
                    d.nearest = value::meant(&schema.kind, self.codes, text.trim()).filter(|_| d.expected.is_empty());
                }
                Problem::UnknownCode { .. } | Problem::DerivedCode { .. } => {
                    d.nearest = value::meant(&schema.kind, self.codes, text.trim());
                    d.expected = value::choices(&schema.kind, self.codes);
                }
                _ => d.nearest = value::meant(&schema.kind, self.codes, text.trim()),
            }
            d.found(text)
        };
        part.log.add(Some((part.input.index, line)), &part.input.name, problem, make);
    }
}

/// Stand-in for a missing cell: for text the empty text, which refers to nothing.
fn stand_in_of(c: &ColumnSchema, row: usize) -> Word {
    if c.kind.is_text() { 0 } else { stand_in(row) }
}
