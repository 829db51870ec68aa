//! Foreign tables: files in any form that the loader reads, rows as texts under the names of the header.

use crate::facts::bytes;
use crate::facts::columnar;
use crate::facts::decode;
use crate::facts::defect::{Defect, Place, Problem};
use crate::facts::load::LoadOptions;
use crate::facts::log::Log;
use crate::facts::record::{Fault, Layout, Record, Records};
use crate::facts::sheet::Book;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// A foreign table.
pub(super) struct Source {
    pub name: Arc<str>,
    pub header: Vec<String>,
    /// Lines and cells; short rows are filled up with blanks.
    pub rows: Vec<(u32, Vec<String>)>,
}

/// Reads the tables of a file: one, or those of the sheets of a workbook.
pub(super) fn read(path: &Path, options: &LoadOptions, log: &mut Log) -> Vec<Source> {
    let name: Arc<str> = Arc::from(path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default());
    let whole = |file: &Arc<str>| Place { file: file.clone(), ..Place::default() };
    let bytes = match bytes::open(path) {
        Ok(b) => b,
        Err(e) => {
            log.push(Defect::new(whole(&name), Problem::Unreadable { reason: e.to_string() }));
            return Vec::new();
        }
    };
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    if matches!(extension.as_deref(), Some("xlsx" | "xlsm")) {
        let mut book = match Book::open(&name, bytes, options.unpacked) {
            Ok(b) => b,
            Err(p) => {
                log.push(Defect::new(whole(&name), p));
                return Vec::new();
            }
        };
        let mut out = Vec::new();
        for sheet in book.sheets() {
            let file = book.place_name(&sheet);
            match book.read(&sheet, log) {
                Ok(text) => out.extend(table(file, &text, Layout::Sheet, log)),
                Err(p) => log.push(Defect::new(whole(&file), p)),
            }
        }
        return out;
    }
    if extension.as_deref() == Some("parquet") {
        return match columnar::read(&name, &bytes, options.unpacked, &|_| true) {
            Ok(text) => table(name, &text, Layout::Rows, log).into_iter().collect(),
            Err(d) => {
                log.push(*d);
                Vec::new()
            }
        };
    }
    let (layout, packed) = decode::by_name(&name).map_or((Layout::Commas, false), |(_, l, p)| (l, p));
    let unpacked =
        if packed { decode::unpack(&bytes, options.unpacked).map(Cow::Owned) } else { Ok(Cow::Borrowed(&*bytes)) };
    let text = unpacked
        .map_err(|p| Box::new(Defect::new(whole(&name), p)))
        .and_then(|b| decode::decode(&name, b, options.encoding));
    match text {
        Ok((text, _)) => {
            let text = decode::with_lines(text);
            table(name, &text, sniff(&text, layout), log).into_iter().collect()
        }
        Err(d) => {
            log.push(*d);
            Vec::new()
        }
    }
}

/// Tabs or commas, whichever the first line has more of.
fn sniff(text: &str, promised: Layout) -> Layout {
    let line = text.lines().next().unwrap_or("");
    let (tabs, commas) = (line.matches('\t').count(), line.matches(',').count());
    match tabs.cmp(&commas) {
        std::cmp::Ordering::Greater => Layout::Tabs,
        std::cmp::Ordering::Less => Layout::Commas,
        std::cmp::Ordering::Equal => promised,
    }
}

fn table(name: Arc<str>, text: &str, layout: Layout, log: &mut Log) -> Option<Source> {
    let (mut records, mut record) = (Records::new(text, layout), Record::default());
    let sheet = layout == Layout::Sheet;
    let place = |line: u32| Place { file: name.clone(), line, sheet, ..Place::default() };
    if !records.next(&mut record) {
        // An empty sheet is none.
        if !sheet {
            log.push(Defect::new(place(0), Problem::Empty));
        }
        return None;
    }
    let cells = |records: &Records<'_>, record: &Record| -> Vec<String> {
        record.fields.iter().map(|s| records.field(*s).trim().to_owned()).collect()
    };
    let header = cells(&records, &record);
    let mut rows = Vec::new();
    while records.next(&mut record) {
        let mut row = cells(&records, &record);
        if row.iter().all(String::is_empty) {
            continue;
        }
        let problem = match record.fault {
            Some(Fault::Open(_)) => Some(Problem::OpenQuote),
            Some(Fault::After(_)) => Some(Problem::TextAfterQuote),
            None if row.len() > header.len() && row[header.len()..].iter().any(|c| !c.is_empty()) => {
                Some(Problem::Fields { found: row.len(), header: header.len() })
            }
            None => None,
        };
        if let Some(p) = problem {
            log.push(Defect::new(place(record.line), p));
        }
        row.resize(header.len(), String::new());
        rows.push((record.line, row));
    }
    Some(Source { name, header, rows })
}
