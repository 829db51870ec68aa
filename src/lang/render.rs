//! Diagnostics as terminal text (annotate-snippets, the renderer of rustc) and as JSON.

use super::codes;
use super::diagnostic::{Diagnostic, Label, Severity};
use super::program::{SourceFile, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::cell::OnceCell;

/// A range of a file, its label, and whether it is the main place.
type Place<'l> = (std::ops::Range<usize>, &'l Label, bool);

/// Renders diagnostics over a set of files.
pub struct Render<'f> {
    files: &'f [SourceFile],
    /// Per file the offset of each line's start, found when first needed.
    lines: Vec<OnceCell<Vec<usize>>>,
    chinese: bool,
}

impl<'f> Render<'f> {
    /// For diagnostics whose spans point into these files.
    #[must_use]
    pub fn new(files: &'f [SourceFile]) -> Self {
        Self { files, lines: vec![OnceCell::new(); files.len()], chinese: false }
    }

    /// Says in Chinese as well what each code means, and how many findings there are.
    #[must_use]
    pub fn in_chinese(mut self, chinese: bool) -> Self {
        self.chinese = chinese;
        self
    }

    fn starts(&self, file: usize) -> &[usize] {
        self.lines[file].get_or_init(|| {
            let text = self.files[file].text.as_bytes();
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|i| i + 1)).collect()
        })
    }

    /// Index of the line that an offset is in.
    fn line(&self, file: usize, offset: usize) -> usize {
        self.starts(file).partition_point(|s| *s <= offset).saturating_sub(1)
    }

    /// End of a line, without its line break.
    fn line_end(&self, file: usize, line: usize) -> usize {
        let text = &self.files[file].text;
        let end = self.starts(file).get(line + 1).map_or(text.len(), |s| s - 1);
        if end > 0 && text.as_bytes().get(end - 1) == Some(&b'\r') { end - 1 } else { end }
    }

    /// A span cut to its first line and to characters of the text.
    fn clip(&self, span: Span) -> Option<(usize, std::ops::Range<usize>)> {
        let file = span.file as usize;
        let text = &self.files.get(file)?.text;
        let mut start = (span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (span.end as usize).clamp(start, self.line_end(file, self.line(file, start)).max(start));
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Some((file, start..end))
    }

    /// One diagnostic for a terminal, without a final line break.
    #[must_use]
    pub fn text(&self, d: &Diagnostic, color: bool) -> String {
        let level = match d.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(d.message.as_str()).id(d.code));
        let places = d.primary.iter().map(|l| (l, true)).chain(d.related.iter().map(|l| (l, false)));
        // One snippet per file, the primary's first.
        let mut files: Vec<(usize, Vec<Place<'_>>)> = Vec::new();
        for (label, primary) in places {
            let Some((file, range)) = self.clip(label.span) else { continue };
            match files.iter_mut().find(|(f, _)| *f == file) {
                Some((_, list)) => list.push((range, label, primary)),
                None => files.push((file, vec![(range, label, primary)])),
            }
        }
        for (file, list) in &files {
            group = group.element(self.snippet(*file, list));
        }
        if let Some(title) = codes::chinese(d.code).filter(|_| self.chinese) {
            group = group.element(Level::NOTE.message(title));
        }
        for n in &d.notes {
            group = group.element(Level::NOTE.message(n.as_str()));
        }
        if let Some(h) = &d.help {
            group = group.element(Level::HELP.message(h.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn snippet<'r>(&'r self, file: usize, list: &[Place<'r>]) -> Snippet<'r, Annotation<'r>> {
        let first = list.iter().map(|(r, ..)| self.line(file, r.start)).min().unwrap_or(0);
        let last = list.iter().map(|(r, ..)| self.line(file, r.start)).max().unwrap_or(0);
        let from = self.starts(file)[first];
        let to = self.line_end(file, last).max(from);
        let source = &self.files[file];
        let annotations = list.iter().map(|(r, label, primary)| {
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let a = kind.span(r.start - from..r.end.min(to).max(r.start) - from);
            if label.text.is_empty() { a } else { a.label(label.text.as_str()) }
        });
        Snippet::source(&source.text[from..to])
            .line_start(first + 1)
            .path(source.name.as_str())
            .annotations(annotations)
    }

    /// One diagnostic as JSON: lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn json(&self, d: &Diagnostic) -> Value {
        let place = |l: &Label| {
            let mut v = self.place(l.span);
            v["text"] = json!(l.text);
            v
        };
        json!({
            "code": d.code,
            "severity": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "message": d.message,
            "primary": d.primary.as_ref().map(place),
            "related": d.related.iter().map(place).collect::<Vec<_>>(),
            "notes": d.notes,
            "help": d.help,
        })
    }

    fn place(&self, span: Span) -> Value {
        let file = span.file as usize;
        let Some(source) = self.files.get(file) else { return json!({ "file": null }) };
        let position = |offset: u32| {
            let mut offset = (offset as usize).min(source.text.len());
            while !source.text.is_char_boundary(offset) {
                offset -= 1;
            }
            let line = self.line(file, offset);
            (line + 1, source.text[self.starts(file)[line]..offset].chars().count() + 1)
        };
        let ((line, column), (end_line, end_column)) = (position(span.start), position(span.end));
        json!({ "file": source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column })
    }

    /// All diagnostics for a terminal, with a blank line between them and a count at the end; empty if there are none.
    #[must_use]
    pub fn all_text(&self, diagnostics: &[Diagnostic], color: bool) -> String {
        let mut out = String::new();
        for d in diagnostics {
            out.push_str(self.text(d, color).trim_end());
            out.push_str("\n\n");
        }
        let count = |s: Severity| diagnostics.iter().filter(|d| d.severity == s).count();
        let word = |n: usize, zh: &str, en: &str| match (self.chinese, n) {
            (true, _) => format!("{n} 处{zh}"),
            (false, 1) => format!("1 {en}"),
            (false, _) => format!("{n} {en}s"),
        };
        let counts = [(Severity::Error, "错误", "error"), (Severity::Warning, "警告", "warning")];
        let counts = counts.map(|(s, zh, en)| (count(s), zh, en));
        let summary: Vec<String> =
            counts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, zh, en)| word(n, zh, en)).collect();
        if !summary.is_empty() {
            out.push_str(&summary.join(if self.chinese { "，" } else { ", " }));
            out.push('\n');
        }
        out
    }

    /// All diagnostics as a JSON array.
    #[must_use]
    pub fn all_json(&self, diagnostics: &[Diagnostic]) -> Value {
        Value::Array(diagnostics.iter().map(|d| self.json(d)).collect())
    }
}
