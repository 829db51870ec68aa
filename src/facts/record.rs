//! Records of a CSV text, without copying: fields are spans of the text. Lines and bytes are counted exactly, also
//! through quoted line ends; a text without quotes takes a short path. A sheet of a workbook and a columnar file come as such a text
//! too, with one line for each of their rows and separators that no cell can hold.

use std::borrow::Cow;

/// A field: bytes `start..end` of the text, without the quotes around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The field stood in quotes and holds doubled ones.
    pub doubled: bool,
}

/// What is wrong with the quotes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The field (from 0) opens a quote that never closes; it holds the rest of the text.
    Open(usize),
    /// There is text after the closing quote of the field (from 0).
    After(usize),
}

/// How a text is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Commas between the fields, quotes as in RFC 4180.
    #[default]
    Commas,
    /// Tabs between the fields, quotes as in RFC 4180.
    Tabs,
    /// Cells of a sheet: [`Layout::CELL`] between them, [`Layout::BREAK`] for a line end in a cell, no quotes.
    Sheet,
    /// Rows of a columnar file, laid out as those of a sheet. The header is line 0, so that a line is the number of its row.
    Rows,
}

impl Layout {
    /// Stands between the cells of a sheet.
    pub const CELL: char = '\u{1f}';
    /// Stands for a line end inside a cell of a sheet.
    pub const BREAK: char = '\u{1e}';

    /// As the manifest calls it.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Commas => "csv",
            Layout::Tabs => "tsv",
            Layout::Sheet => "xlsx",
            Layout::Rows => "parquet",
        }
    }

    /// Whether the text was made of cells that stood apart already.
    pub fn of_cells(self) -> bool {
        matches!(self, Layout::Sheet | Layout::Rows)
    }

    /// Adds a cell to such a text.
    pub fn put(cell: &str, out: &mut String) {
        if !cell.bytes().any(|b| b < b' ') {
            return out.push_str(cell);
        }
        let mut chars = cell.chars().peekable();
        while let Some(c) = chars.next() {
            out.push(match c {
                '\r' if chars.peek() == Some(&'\n') => continue,
                '\n' | '\r' => Layout::BREAK,
                Layout::BREAK | Layout::CELL => '\u{fffd}',
                c => c,
            });
        }
    }

    fn separator(self) -> u8 {
        match self {
            Layout::Commas => b',',
            Layout::Tabs => b'\t',
            Layout::Sheet | Layout::Rows => Self::CELL as u8,
        }
    }
}

/// A record; reused from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Its fields.
    pub fields: Vec<Span>,
    /// Line on which it begins, from 1; of [`Layout::Rows`] from 0.
    pub line: u32,
    /// First byte.
    pub start: usize,
    /// One past the last byte, without the line end.
    pub end: usize,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// The records of a text.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    text: &'a str,
    at: usize,
    /// No record begins from there on.
    end: usize,
    line: u32,
    separator: u8,
    quotes: bool,
    /// Cells with line ends in them.
    breaks: bool,
}

impl<'a> Records<'a> {
    /// All records; a byte order mark is skipped.
    pub fn new(text: &'a str, layout: Layout) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let has = |b: u8| memchr::memchr(b, text.as_bytes()).is_some();
        let cells = layout.of_cells();
        let (quotes, breaks) = (!cells && has(b'"'), cells && has(Layout::BREAK as u8));
        let line = if layout == Layout::Rows { 0 } else { 1 };
        Self { text, at, end: text.len(), line, separator: layout.separator(), quotes, breaks }
    }

    /// Place of the next record, or of empty lines before it.
    pub fn place(&self) -> usize {
        self.at
    }

    /// Where the records end: the last one may reach further.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Pieces of about the same size, at most so many. One begins after a line end which, if all quotes are in their places, is
    /// outside of them, and ends where the next one begins.
    pub fn split(&self, pieces: usize) -> Vec<Self> {
        let bytes = self.text.as_bytes();
        let quotes = |from: usize, to: usize| {
            if self.quotes { memchr::memchr_iter(b'"', &bytes[from..to]).count() } else { 0 }
        };
        let size = (bytes.len() - self.at) / pieces.max(1);
        let mut out = vec![self.clone()];
        let (mut at, mut line, mut open) = (self.at, self.line, 0);
        for target in (1..pieces).map(|n| self.at + n * size) {
            // The place may lie in a quoted field, which may hold line ends.
            let mut next = target.max(at);
            let start = loop {
                let Some(n) = memchr::memchr(b'\n', &bytes[next..]) else { return out };
                let from = at;
                (at, next) = (next + n + 1, next + n + 1);
                open += quotes(from, at);
                line += memchr::memchr_iter(b'\n', &bytes[from..at]).count() as u32;
                if open % 2 == 0 {
                    break at;
                }
            };
            if start < bytes.len() {
                out.last_mut().expect("there is a first").end = start;
                out.push(Self { at: start, line, ..self.clone() });
            }
        }
        out
    }

    /// Goes forward to the record that begins on that line, which is not before the present one.
    pub fn skip_to(&mut self, line: u32) {
        let mut left = line.saturating_sub(self.line);
        for i in memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.at..]) {
            if left == 0 {
                break;
            }
            left -= 1;
            if left == 0 {
                self.at += i + 1;
                self.line = line;
                break;
            }
        }
    }

    /// Reads the next record that is not an empty line; false at the end.
    pub fn next(&mut self, r: &mut Record) -> bool {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at).filter(|_| self.at < self.end) {
                None => return false,
                Some(b'\n') => self.at += 1,
                Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                Some(_) => break,
            }
            self.line += 1;
        }
        r.fields.clear();
        r.fault = None;
        r.line = self.line;
        r.start = self.at;
        if self.quotes {
            self.quoted(bytes, r)
        } else {
            // The separator as a constant: this is the loop through which every byte of a casebase goes.
            match self.separator {
                b',' => self.plain::<b','>(bytes, r),
                b'\t' => self.plain::<b'\t'>(bytes, r),
                _ => self.plain::<{ Layout::CELL as u8 }>(bytes, r),
            }
        }
        true
    }

    fn plain<const SEPARATOR: u8>(&mut self, bytes: &[u8], r: &mut Record) {
        let mut start = self.at;
        let mut i = self.at;
        while i < bytes.len() {
            let b = bytes[i];
            if b == SEPARATOR {
                r.fields.push(Span { start, end: i, doubled: false });
                start = i + 1;
            } else if b == b'\n' {
                break;
            }
            i += 1;
        }
        self.finish(bytes, r, start, i, false);
    }

    /// Ends the record whose last field began at `start` and whose line ends at `i`.
    fn finish(&mut self, bytes: &[u8], r: &mut Record, start: usize, i: usize, closed: bool) {
        let end = if i > start && bytes[i - 1] == b'\r' { i - 1 } else { i };
        if !closed {
            r.fields.push(Span { start, end, doubled: false });
        }
        r.end = end;
        self.at = (i + 1).min(bytes.len());
        self.line += 1;
    }

    fn quoted(&mut self, bytes: &[u8], r: &mut Record) {
        let mut start = self.at;
        loop {
            if bytes.get(start) == Some(&b'"') {
                let Some(next) = self.quoted_field(bytes, r, start) else { return };
                // `next` is a separator, a line end, or the end of the text.
                if bytes.get(next) == Some(&self.separator) {
                    start = next + 1;
                    continue;
                }
                self.finish(bytes, r, next, next, true);
                r.end = if next > r.start && bytes[next - 1] == b'\r' { next - 1 } else { next };
                return;
            }
            match memchr::memchr2(self.separator, b'\n', &bytes[start..]) {
                Some(n) if bytes[start + n] == self.separator => {
                    r.fields.push(Span { start, end: start + n, doubled: false });
                    start += n + 1;
                }
                n => {
                    let i = n.map_or(bytes.len(), |n| start + n);
                    self.finish(bytes, r, start, i, false);
                    return;
                }
            }
        }
    }

    /// Reads the quoted field that opens at `open`; gives the place after it, or nothing if the text ended.
    fn quoted_field(&mut self, bytes: &[u8], r: &mut Record, open: usize) -> Option<usize> {
        let (mut i, mut doubled) = (open + 1, false);
        loop {
            let Some(n) = memchr::memchr(b'"', &bytes[i..]) else {
                r.fault = r.fault.or(Some(Fault::Open(r.fields.len())));
                r.fields.push(Span { start: open + 1, end: bytes.len(), doubled });
                r.end = bytes.len();
                self.at = bytes.len();
                return None;
            };
            i += n;
            if bytes.get(i + 1) != Some(&b'"') {
                break;
            }
            doubled = true;
            i += 2;
        }
        self.line += memchr::memchr_iter(b'\n', &bytes[open..i]).count() as u32;
        let after = i + 1;
        let rest = memchr::memchr2(self.separator, b'\n', &bytes[after..]).map_or(bytes.len(), |n| after + n);
        let stray = &bytes[after..rest];
        let stray = stray.strip_suffix(b"\r").unwrap_or(stray);
        if !stray.iter().all(|b| *b == b' ') {
            r.fault = r.fault.or(Some(Fault::After(r.fields.len())));
        }
        r.fields.push(Span { start: open + 1, end: i, doubled });
        Some(rest)
    }

    /// The text of a field.
    #[inline]
    pub fn field(&self, s: Span) -> Cow<'a, str> {
        let text = &self.text[s.start..s.end];
        if s.doubled || self.breaks { self.rewritten(text, s.doubled) } else { Cow::Borrowed(text) }
    }

    /// A field that does not stand in the text as it is meant.
    #[cold]
    fn rewritten(&self, text: &'a str, doubled: bool) -> Cow<'a, str> {
        if doubled {
            Cow::Owned(text.replace("\"\"", "\""))
        } else if text.contains(Layout::BREAK) {
            Cow::Owned(text.replace(Layout::BREAK, "\n"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The record as it stands in the text, without the line end; cells that stood apart with tabs between them.
    pub fn raw(&self, r: &Record) -> Cow<'a, str> {
        let raw = &self.text[r.start..r.end];
        if self.separator != Layout::Sheet.separator() {
            return Cow::Borrowed(raw);
        }
        Cow::Owned(raw.replace(Layout::CELL, "\t").replace(Layout::BREAK, "\n"))
    }

    /// Line and column in characters (both from 1) of a byte of a record.
    pub fn position(&self, r: &Record, byte: usize) -> (u32, u32) {
        let before = &self.text[r.start..byte];
        let line = r.line + memchr::memchr_iter(b'\n', before.as_bytes()).count() as u32;
        let last = memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |n| n + 1);
        (line, before[last..].chars().count() as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<(u32, Vec<String>)> {
        let mut records = Records::new(text, Layout::Commas);
        let mut r = Record::default();
        let mut out = Vec::new();
        while records.next(&mut r) {
            assert_eq!(r.fault, None, "{text:?}");
            out.push((r.line, r.fields.iter().map(|s| records.field(*s).into_owned()).collect()));
        }
        out
    }

    fn row(line: u32, fields: &[&str]) -> (u32, Vec<String>) {
        (line, fields.iter().map(|f| (*f).to_owned()).collect())
    }

    #[test]
    fn lines_are_counted_through_quotes_and_empty_lines() {
        let text = "\u{feff}a,b\r\n\r\n\"x\ny\",2\r\n\n3,\"he said \"\"no\"\"\"\n5,";
        assert_eq!(
            all(text),
            [row(1, &["a", "b"]), row(3, &["x\ny", "2"]), row(6, &["3", "he said \"no\""]), row(7, &["5", ""])]
        );
        assert_eq!(all(""), []);
        assert_eq!(all("\u{feff}"), []);
        assert_eq!(all("a"), [row(1, &["a"])]);
        assert_eq!(all("a\r\nb\r\n"), [row(1, &["a"]), row(2, &["b"])]);
        assert_eq!(all("\"a\"\r\n\"b\"  ,c\n"), [row(1, &["a"]), row(2, &["b", "c"])]);
    }

    #[test]
    fn tabs_and_sheets() {
        let fields = |text: &str, layout| {
            let (mut records, mut r) = (Records::new(text, layout), Record::default());
            let mut out = Vec::new();
            while records.next(&mut r) {
                out.push((r.line, r.fields.iter().map(|s| records.field(*s).into_owned()).collect::<Vec<_>>()));
            }
            out
        };
        let tabs = fields("a\tb,c\n\"x\ty\"\t\"\"\n", Layout::Tabs);
        assert_eq!(tabs, [row(1, &["a", "b,c"]), row(2, &["x\ty", ""])]);
        let sheet = fields("a\u{1f}b,\"c\n\n1\u{1e}2\u{1f}\"\n", Layout::Sheet);
        assert_eq!(sheet, [row(1, &["a", "b,\"c"]), row(3, &["1\n2", "\""])]);
    }

    #[test]
    fn faults_of_quotes() {
        let mut r = Record::default();
        let mut records = Records::new("a,\"b\nc\nd", Layout::Commas);
        assert!(records.next(&mut r));
        assert_eq!((r.fault, r.line), (Some(Fault::Open(1)), 1));
        assert!(!records.next(&mut r));
        let mut records = Records::new("\"a\"x,b\nc,d\n", Layout::Commas);
        assert!(records.next(&mut r));
        assert_eq!(r.fault, Some(Fault::After(0)));
        assert!(records.next(&mut r));
        assert_eq!((r.fault, r.line), (None, 2));
    }

    #[test]
    fn positions_count_characters() {
        let text = "n\n\"一\n二三\",四五,x\n";
        let mut records = Records::new(text, Layout::Commas);
        let mut r = Record::default();
        records.next(&mut r);
        records.next(&mut r);
        assert_eq!(records.position(&r, r.fields[1].start), (3, 5));
        assert_eq!(records.position(&r, r.fields[2].start), (3, 8));
        assert_eq!(records.position(&r, r.fields[0].start), (2, 2));
        assert_eq!(&text[r.start..r.end], "\"一\n二三\",四五,x");
    }

    #[test]
    fn skipping_lands_on_the_record() {
        let text = "h\n1\n\"2\nx\"\n4\n5\n";
        for line in [1, 2, 3, 5, 6] {
            let mut records = Records::new(text, Layout::Commas);
            let mut r = Record::default();
            records.skip_to(line);
            assert!(records.next(&mut r));
            assert_eq!(r.line, line);
        }
    }

    proptest! {
        #[test]
        fn same_records_as_the_csv_crate(text in "([a,\" \n]|\"a\"|\"b\"\"c\"|\"d,\ne\"|,|\r\n|码){0,20}") {
            let mut records = Records::new(&text, Layout::Commas);
            let mut r = Record::default();
            let mut ours: Vec<Vec<String>> = Vec::new();
            let mut fault = false;
            while records.next(&mut r) {
                fault |= r.fault.is_some();
                // Blanks after a closing quote are let pass by us and kept by the crate.
                fault |= r.fields.iter().any(|s| s.start > 0 && text.as_bytes()[s.start - 1] == b'"'
                    && text.as_bytes().get(s.end + 1) == Some(&b' '));
                ours.push(r.fields.iter().map(|s| records.field(*s).into_owned()).collect());
            }
            prop_assume!(!fault);
            let theirs: Vec<Vec<String>> = csv::ReaderBuilder::new().has_headers(false).flexible(true)
                .from_reader(text.as_bytes()).records()
                .map(|r| r.expect("utf-8").iter().map(str::to_owned).collect()).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
