//! Sheets of a workbook (`.xlsx`) to texts of the layout [`Layout::Sheet`]: a line for each row, so that lines are rows.
//!
//! What a cell shows is what counts: dates of cells that hold dates as `2021-03-05`, whole numbers without a point, the
//! stored values of formulas. The cells are read as a stream, so a single cell at the far end of a sheet costs nothing.

use super::bytes::Bytes;
use super::decode::most;
use super::defect::{Defect, Place, Problem, Reason};
use super::log::Log;
use super::record::Layout;
use super::tripped::caught;
use calamine::{DataRef, Reader, Sheet, SheetType, SheetVisible, Xlsx, XlsxError};
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Rows and columns of a sheet, at most.
const SIZE: (u32, u32) = (1 << 20, 1 << 14);
/// Numbers that a sheet shows as days, up to the end of 9999; others it shows as none.
const DAYS: std::ops::Range<f64> = 0.0..2_958_466.0;
/// Entries of the archive that no workbook has.
const ENTRIES: usize = 20_000;
/// Sheets of these names are notes for people.
const NOTES: [&str; 6] = ["说明", "目录", "readme", "notes", "代码", "codes"];
/// A first cell that begins so marks a row as an example.
const EXAMPLE: [&str; 2] = ["示例", "example"];

/// An opened workbook.
pub(super) struct Book {
    name: Arc<str>,
    reader: Xlsx<Cursor<Bytes>>,
    most: u64,
    packed: u64,
    /// Some sheet has merged cells.
    merged: bool,
}

impl Book {
    /// Opens a workbook after making sure that unpacking it stays within the limit.
    ///
    /// # Errors
    /// It is no workbook, is damaged, or unpacks to more than the limit.
    pub fn open(name: &Arc<str>, bytes: Bytes, limit: u64) -> Result<Self, Problem> {
        if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(damaged(("旧版 .xls，或有密码", "an old .xls, or protected by a password")));
        }
        let packed = bytes.len() as u64;
        let most = most(packed, limit);
        let merged = measure(&bytes, most)?;
        let reader = decoded(|| Xlsx::new(Cursor::new(bytes)), || UNREADABLE)?;
        Ok(Self { name: name.clone(), reader, most, packed, merged })
    }

    /// Names of the sheets that people see and that are no notes, in order.
    pub fn sheets(&self) -> Vec<String> {
        let shown = |s: &&Sheet| s.typ == SheetType::WorkSheet && s.visible == SheetVisible::Visible;
        let notes = |name: &str| NOTES.iter().any(|n| name.trim().eq_ignore_ascii_case(n));
        self.reader.sheets_metadata().iter().filter(shown).map(|s| s.name.clone()).filter(|n| !notes(n)).collect()
    }

    /// Whether a sheet holds nothing; of one that cannot be read that is not known.
    pub fn is_empty(&mut self, sheet: &str) -> bool {
        let empty = || {
            let mut cells = self.reader.worksheet_cells_reader(sheet)?;
            while let Some(cell) = cells.next_cell()? {
                if *cell.get_value() != DataRef::Empty {
                    return Ok::<_, XlsxError>(false);
                }
            }
            Ok(true)
        };
        caught(empty).is_some_and(|read| read.unwrap_or(false))
    }

    /// The name under which people know a sheet.
    pub fn place_name(&self, sheet: &str) -> Arc<str> {
        Arc::from(format!("{}!{sheet}", self.name))
    }

    /// Reads a sheet; what is wrong with single cells goes to the log.
    ///
    /// # Errors
    /// The sheet cannot be read, or grows beyond the limit.
    pub fn read(&mut self, sheet: &str, log: &mut Log) -> Result<String, Problem> {
        let mut merges: Vec<Merge> = Vec::new();
        if self.merged {
            let all = decoded(
                || self.reader.merge_cells_by_sheet_name(sheet),
                || ("合并单元格的位置无法解读", "the place of merged cells does not decode"),
            )?;
            let down = all.into_iter().filter(|d| d.end.0 > d.start.0);
            merges = down.map(|d| Merge { first: d.start.0, last: d.end.0, column: d.start.1, value: None }).collect();
            merges.sort_by_key(|m| (m.first, m.column));
        }
        let file = self.place_name(sheet);
        let most = self.most;
        let packed = self.packed;
        let mut rows = Rows { text: String::new(), line: 0, cells: Vec::new(), merges, open: 0, file: &file, log };
        let mut cells = decoded(|| self.reader.worksheet_cells_reader(sheet), || UNREADABLE)?;
        let mut last = None;
        while let Some(cell) = decoded(|| cells.next_cell_with_formula_metadata(), || behind(last))? {
            let (row, column) = cell.pos;
            if row >= SIZE.0 || column >= SIZE.1 {
                return Err(damaged(beyond(row, column)));
            }
            last = Some((row, column));
            if row < rows.line {
                return Err(damaged(Reason {
                    zh: format!("第 {} 行在第 {} 行之后", row + 1, rows.line + 1),
                    en: format!("row {} stands behind row {}", row + 1, rows.line + 1),
                }));
            }
            if row > rows.line {
                rows.end_row();
                while rows.line < row {
                    rows.text.push('\n');
                    rows.line += 1;
                }
            }
            if rows.text.len() as u64 > most {
                return Err(Problem::TooLarge { packed, limit: most });
            }
            let text = match &cell.value {
                DataRef::Empty if cell.formula.is_some() => {
                    rows.flaw(column, Problem::NoStoredValue, None);
                    continue;
                }
                DataRef::Empty => continue,
                DataRef::Error(e) => {
                    rows.flaw(column, Problem::ErrorCell, Some(e.to_string()));
                    continue;
                }
                value => show(value),
            };
            rows.cells.push((column, text));
        }
        rows.end_row();
        rows.text.push('\n');
        Ok(rows.text)
    }
}

/// Why a workbook cannot be read of which nothing more is known.
const UNREADABLE: (&str, &str) = ("内容无法解读", "it does not decode");

fn damaged(reason: impl Into<Reason>) -> Problem {
    Problem::Damaged { form: "xlsx", cut: false, reason: reason.into() }
}

/// What the reader of workbooks gives; `why` if it trips.
fn decoded<T, R: Into<Reason>>(
    read: impl FnOnce() -> Result<T, XlsxError>,
    why: impl FnOnce() -> R,
) -> Result<T, Problem> {
    caught(read).ok_or_else(|| damaged(why()))?.map_err(|e| damaged(e.to_string()))
}

/// What stands behind the last cell that was read does not decode.
fn behind(last: Option<(u32, u32)>) -> Reason {
    let Some((row, column)) = last else { return UNREADABLE.into() };
    let cell = format!("{}{}", letters(column + 1), row + 1);
    Reason {
        zh: format!("单元格 {cell} 之后的位置或内容无法解读"),
        en: format!("the place or content of what follows the cell {cell} does not decode"),
    }
}

/// A cell stands where no sheet has one.
fn beyond(row: u32, column: u32) -> Reason {
    let (row, column) = (u64::from(row) + 1, u64::from(column) + 1);
    let (rows, columns) = SIZE;
    Reason {
        zh: format!("第 {row} 行第 {column} 列有单元格，工作表至多 {rows} 行、{columns} 列"),
        en: format!("a cell in row {row}, column {column}: sheets have {rows} rows and {columns} columns"),
    }
}

/// Cells merged over several rows.
struct Merge {
    first: u32,
    last: u32,
    column: u32,
    value: Option<String>,
}

struct Rows<'l> {
    text: String,
    /// Row of the line that is being written, from 0.
    line: u32,
    cells: Vec<(u32, String)>,
    merges: Vec<Merge>,
    /// Merges before that one are over.
    open: usize,
    file: &'l Arc<str>,
    log: &'l mut Log,
}

impl Rows<'_> {
    fn flaw(&mut self, column: u32, problem: Problem, found: Option<String>) {
        let place =
            Place { file: self.file.clone(), line: self.line + 1, field: column + 1, sheet: true, ..Place::default() };
        self.log.push(Defect { value: found, ..Defect::new(place, problem) });
    }

    /// Writes the cells of the present row into its line.
    fn end_row(&mut self) {
        if self.cells.is_empty() {
            return;
        }
        self.cells.sort_by_key(|c| c.0);
        self.fill();
        let mut cells = std::mem::take(&mut self.cells);
        let first = cells.iter().find(|c| !c.1.trim().is_empty()).map(|c| (c.0, c.1.trim().to_lowercase()));
        let marked = |t: &str| EXAMPLE.iter().any(|e| t.strip_prefix(e).is_some_and(|r| r.starts_with([':', '：'])));
        if let Some((column, _)) = first.filter(|f| marked(&f.1)) {
            self.flaw(column, Problem::Example, None);
            return;
        }
        let mut at = 0;
        for (column, text) in cells.drain(..) {
            while at < column {
                self.text.push(Layout::CELL);
                at += 1;
            }
            Layout::put(&text, &mut self.text);
        }
        self.cells = cells;
    }

    /// What cells merged over several rows say is said in each of these rows that says something of its own.
    fn fill(&mut self) {
        let line = self.line;
        while self.merges.get(self.open).is_some_and(|m| m.last < line) {
            self.open += 1;
        }
        let mut told = Vec::new();
        for m in &mut self.merges[self.open..] {
            if m.first > line {
                break;
            }
            let at = self.cells.binary_search_by_key(&m.column, |c| c.0);
            if m.first == line {
                m.value = at.ok().map(|i| self.cells[i].1.clone());
            } else if let (Err(i), Some(value), true) = (at, &m.value, m.last >= line) {
                self.cells.insert(i, (m.column, value.clone()));
                if line == m.first + 1 {
                    told.push((m.column, m.first, m.last, value.clone()));
                }
            }
        }
        for (column, first, last, value) in told {
            self.flaw(column, Problem::Merged { first: first + 1, last: last + 1 }, Some(value));
        }
    }
}

/// The letters of a column of a sheet, from 1.
#[must_use]
pub fn letters(mut column: u32) -> String {
    let mut out = Vec::new();
    while column > 0 {
        column -= 1;
        out.push(b'A' + (column % 26) as u8);
        column /= 26;
    }
    out.reverse();
    String::from_utf8_lossy(&out).into_owned()
}

/// What a cell shows, as a table would write it.
fn show(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(s) => s.clone(),
        DataRef::SharedString(s) => (*s).to_owned(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(f) => number(*f),
        DataRef::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(d) if d.is_datetime() && DAYS.contains(&d.as_f64()) => {
            let (y, m, day, h, min, s, _) = d.to_ymd_hms_milli();
            let time = format!("{h:02}:{min:02}:{s:02}");
            match (d.as_f64() < 1.0, h == 0 && min == 0 && s == 0) {
                (true, _) => time,
                (_, true) => format!("{y:04}-{m:02}-{day:02}"),
                _ => format!("{y:04}-{m:02}-{day:02} {time}"),
            }
        }
        DataRef::DateTime(d) => number(d.as_f64()),
        DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// A number with the fifteen digits that spreadsheets show at most.
fn number(f: f64) -> String {
    let rounded: f64 = format!("{f:.14e}").parse().unwrap_or(f);
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// Unpacks everything once without keeping it, up to the limit; whether there are merged cells.
fn measure(bytes: &[u8], most: u64) -> Result<bool, Problem> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))?;
    if archive.len() > ENTRIES {
        return Err(Problem::TooLarge { packed: bytes.len() as u64, limit: most });
    }
    let (mut total, mut merged) = (0u64, false);
    let mut buffer = vec![0u8; 1 << 16];
    let finder = memchr::memmem::Finder::new("<mergeCell ");
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(|e| damaged(e.to_string()))?;
        // The end of a piece stays, for a word that is cut in two.
        let mut kept = 0;
        loop {
            let n = entry.read(&mut buffer[kept..]).map_err(|e| damaged(e.to_string()))?;
            total += n as u64;
            if total > most {
                return Err(Problem::TooLarge { packed: bytes.len() as u64, limit: most });
            }
            if n == 0 {
                break;
            }
            let end = kept + n;
            merged = merged || finder.find(&buffer[..end]).is_some();
            kept = end.min(16);
            buffer.copy_within(end - kept..end, 0);
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_numbers() {
        assert_eq!([1, 26, 27, 52, 702, 703, 16384].map(letters), ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]);
        for (f, want) in [
            (0.1 + 0.2, "0.3"),
            (410_100.0, "410100"),
            (-0.0, "0"),
            (20_210_305.0, "20210305"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(number(f), want);
        }
    }
}
