//! `readings.csv`: the disputed readings of the ambiguity register, in short sentences.

use super::outline::rows;
use crate::lang::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;

/// One reading of an entry. Of an entry without a choice the first is the one taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The option that chooses it; blank when there is no choice.
    pub option: String,
    /// The value that takes this reading.
    pub value: String,
    /// What it says, in Chinese.
    pub zh: String,
    /// What it says, in English.
    pub en: String,
}

/// Readings by entry, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// By entry.
    pub entries: BTreeMap<String, Vec<Way>>,
}

impl Readings {
    pub(super) fn read(&mut self, path: &str, text: &str, out: &mut Vec<Diagnostic>) {
        for (line, r) in rows(path, text, &["reading", "option", "value", "zh", "en"], out) {
            let way = Way { option: r[1].clone(), value: r[2].clone(), zh: r[3].clone(), en: r[4].clone() };
            if r[0].is_empty()
                || way.zh.is_empty()
                || way.en.is_empty()
                || way.option.is_empty() != way.value.is_empty()
            {
                let text = format!(
                    "{path}:{line}: a reading has a name, both sentences, and an option with its value or none"
                );
                out.push(Diagnostic::new("E0428", Severity::Error, text, None));
                continue;
            }
            self.entries.entry(r[0].clone()).or_default().push(way);
        }
    }
}
