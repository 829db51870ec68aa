//! `rejected.csv`: rows that were left out, with their reasons.

use crate::facts::{Lang, Rejected};
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
