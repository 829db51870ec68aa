//! `rejected.csv`: rows that were left out, with their reasons. `spellings.csv`: numbers of cases as they were written.

use crate::facts::{Lang, Rejected, Spelling};
use std::io::{self, Write};

/// Writes the rows left out: file, line, codes, reasons in Chinese and English, the row as written.
///
/// # Errors
/// What the writer says.
pub fn write(rows: &[Rejected], out: &mut dyn Write) -> io::Result<()> {
    let mut w = csv::Writer::from_writer(out);
    w.write_record(["file", "line", "code", "reason_zh", "reason_en", "row"])?;
    for r in rows {
        let join = |f: &dyn Fn(&crate::facts::defect::Defect) -> String| {
            r.reasons.iter().map(f).collect::<Vec<_>>().join("; ")
        };
        w.write_record([
            &r.file,
            r.line.to_string().as_str(),
            &join(&|d| d.code().to_owned()),
            &join(&|d| d.message(Lang::Zh)),
            &join(&|d| d.message(Lang::En)),
            &r.raw,
        ])?;
    }
    w.flush()
}

/// Writes the numbers of cases that the tables write in another form than the results: value, as written, file, line.
///
/// # Errors
/// What the writer says.
pub fn write_spellings(list: &[Spelling], out: &mut dyn Write) -> io::Result<()> {
    let mut w = csv::Writer::from_writer(out);
    w.write_record(["value", "written", "file", "line"])?;
    for s in list {
        w.write_record([&s.value, &s.written, &*s.file, s.line.to_string().as_str()])?;
    }
    w.flush()
}
