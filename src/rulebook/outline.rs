//! `outline.csv`: every provision of an instrument with its status; `vocabulary.csv`: code lists.

use crate::facts::codes::{Code, CodeLists};
use crate::lang::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;

/// What the rulebook does about a provision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Rules compute it.
    Encoded,
    /// Rules compute it from a human finding.
    Assessment,
    /// There is nothing to compute.
    Declaratory,
}

impl Status {
    /// The word used in `outline.csv`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Encoded => "encoded",
            Self::Assessment => "assessment",
            Self::Declaratory => "declaratory",
        }
    }
}

/// A provision: article, paragraph, item or limb.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Such as `6p1.2`.
    pub cite: String,
    /// Kind of norm (scope, liability, exemption ...).
    pub kind: String,
    /// shall, may, none.
    pub modality: String,
    /// What the rulebook does about it.
    pub status: Status,
    /// What it says, in our own Chinese words.
    pub gist_zh: String,
    /// What it says, in English.
    pub gist_en: String,
    /// Why nothing is computed, or what a human must find.
    pub why: String,
    /// Entries of the ambiguity register.
    pub reading: Vec<String>,
    /// Other provisions it hangs on.
    pub depends_on: Vec<String>,
    /// Line in `outline.csv`.
    pub line: u64,
}

/// The provisions of every instrument, in statute order.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// By instrument.
    pub instruments: BTreeMap<String, Vec<Unit>>,
}

fn problem(code: &'static str, message: String) -> Diagnostic {
    Diagnostic::new(code, Severity::Error, message, None)
}

/// Rows of a small CSV with known columns; reports unknown and missing columns and ragged rows.
pub(super) fn rows(path: &str, text: &str, want: &[&str], out: &mut Vec<Diagnostic>) -> Vec<(u64, Vec<String>)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(h) => h.iter().map(str::to_owned).collect::<Vec<_>>(),
        Err(e) => {
            out.push(problem("E0405", format!("{path}: {e}")));
            return Vec::new();
        }
    };
    let mut at = Vec::new();
    for w in want {
        match header.iter().position(|h| h == w) {
            Some(i) => at.push(i),
            None => {
                out.push(
                    problem("E0406", format!("{path}:1: column `{w}` is missing"))
                        .note(format!("expected columns: {}", want.join(","))),
                );
                return Vec::new();
            }
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(r) => {
                let line = r.position().map_or(0, csv::Position::line);
                if r.len() == header.len() {
                    rows.push((line, at.iter().map(|i| r.get(*i).unwrap_or("").trim().to_owned()).collect()));
                } else {
                    out.push(problem("E0407", format!("{path}:{line}: {} fields, expected {}", r.len(), header.len())));
                }
            }
            Err(e) => out.push(problem("E0405", format!("{path}: {e}"))),
        }
    }
    rows
}

impl Outline {
    /// Reads the outline of one instrument folder.
    pub(super) fn read(&mut self, instrument: &str, path: &str, text: &str, out: &mut Vec<Diagnostic>) {
        let want = ["cite", "kind", "modality", "status", "gist_zh", "gist_en", "why", "reading", "depends_on"];
        let units = self.instruments.entry(instrument.to_owned()).or_default();
        for (line, r) in rows(path, text, &want, out) {
            let status = match r[3].as_str() {
                "encoded" => Status::Encoded,
                "assessment" => Status::Assessment,
                "declaratory" => Status::Declaratory,
                other => {
                    out.push(
                        problem("E0408", format!("{path}:{line}: unknown status `{other}`"))
                            .help("one of encoded, assessment, declaratory"),
                    );
                    continue;
                }
            };
            if status != Status::Encoded && r[6].is_empty() {
                out.push(problem("E0409", format!("{path}:{line}: `{}` is {} without saying why", r[0], r[3])));
            }
            if units.iter().any(|u| u.cite == r[0]) {
                out.push(problem("E0410", format!("{path}:{line}: provision `{}` stands twice", r[0])));
                continue;
            }
            let words = |s: &str| s.split_whitespace().map(str::to_owned).collect();
            units.push(Unit {
                cite: r[0].clone(),
                kind: r[1].clone(),
                modality: r[2].clone(),
                status,
                gist_zh: r[4].clone(),
                gist_en: r[5].clone(),
                why: r[6].clone(),
                reading: words(&r[7]),
                depends_on: words(&r[8]),
                line,
            });
        }
    }

    /// A provision of an instrument.
    #[must_use]
    pub fn unit(&self, instrument: &str, cite: &str) -> Option<&Unit> {
        self.instruments.get(instrument)?.iter().find(|u| u.cite == cite)
    }
}

/// Reads a vocabulary into the code lists; a code whose `used_by` is `derived` may not be entered.
pub(super) fn read_vocabulary(path: &str, text: &str, codes: &mut CodeLists, out: &mut Vec<Diagnostic>) {
    for (line, r) in rows(path, text, &["list", "code", "zh", "en", "used_by"], out) {
        let list = codes.lists.entry(r[0].clone()).or_default();
        let code = Code { derived: r[4] == "derived", ..Code::new(&r[1], &r[2], &r[3]) };
        match list.iter().find(|c| c.code == code.code) {
            None => list.push(code),
            // Instruments may share a code, but not with different words.
            Some(first) if *first == code => {}
            Some(first) => out.push(
                problem(
                    "E0411",
                    format!("{path}:{line}: code `{}` of list `{}` stands twice, with other words", r[1], r[0]),
                )
                .note(format!("before: {} / {}", first.zh, first.en)),
            ),
        }
    }
}

/// Reads further words for codes that are in the lists already.
pub(super) fn read_aliases(path: &str, text: &str, codes: &mut CodeLists, out: &mut Vec<Diagnostic>) {
    for (line, r) in rows(path, text, &["list", "code", "alias"], out) {
        let code = codes.lists.get_mut(&r[0]).and_then(|l| l.iter_mut().find(|c| c.code == r[1]));
        match code {
            Some(code) => code.aliases.push(r[2].clone()),
            None => out.push(problem("E0411", format!("{path}:{line}: the list `{}` has no code `{}`", r[0], r[1]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outline_rows_are_checked() {
        let mut o = Outline::default();
        let mut d = Vec::new();
        o.read(
            "x",
            "x/outline.csv",
            "cite,kind,modality,status,gist_zh,gist_en,why,reading,depends_on\n1,purpose,,declaratory,目的,purpose,,,\n\
             2,scope,,encoded,范围,scope,,A1 A2,\n2,scope,,encoded,,,,,\n3,x,,maybe,,,,,\n4,x\n",
            &mut d,
        );
        let codes: Vec<_> = d.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["E0407", "E0409", "E0410", "E0408"]);
        assert_eq!(o.unit("x", "2").unwrap().reading, ["A1", "A2"]);
        assert!(o.unit("x", "9").is_none());
    }
}
