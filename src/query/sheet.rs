//! Rule text in the making, with the places of the question that its pieces stand for.

use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::Span;
use std::ops::Range;

/// Rule text with its origin in the question.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The text.
    pub text: String,
    /// From there on the conditions stand again, for marks on the rows.
    pub again: usize,
    pieces: Vec<(Range<usize>, Range<usize>)>,
}

impl Sheet {
    /// Adds text that stands for no place of the question.
    pub fn glue(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds text that stands for a place of the question.
    pub fn put(&mut self, text: &str, at: &Range<usize>) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push((start..self.text.len(), at.clone()));
    }

    /// The place of the question for a place of the text.
    fn origin(&self, span: Span, whole: usize) -> Range<usize> {
        let (start, end) = (span.start as usize, (span.end as usize).max(span.start as usize + 1));
        let meets: Vec<_> = self.pieces.iter().filter(|(g, _)| g.start < end && start < g.end).collect();
        let first = meets.iter().map(|(_, q)| q.start).min();
        let last = meets.iter().map(|(_, q)| q.end).max();
        first.unwrap_or(0)..last.unwrap_or(whole)
    }

    /// A finding about the text, moved to the question; `file` is the number of both, `whole` the length of the question.
    pub fn moved(&self, mut d: Diagnostic, file: u32, whole: usize) -> Diagnostic {
        let labels = d.primary.iter_mut().chain(&mut d.related);
        for label in labels.filter(|l| l.span.file == file) {
            let at = self.origin(label.span, whole);
            label.span = Span { file, start: at.start as u32, end: at.end as u32 };
        }
        d
    }
}
