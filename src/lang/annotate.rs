//! `//@ key value` lines: reading one, and what to say when one stands in a wrong place.

use super::codes;
use super::diagnostic::Diagnostic;
use super::program::{Note, Notes, Span};
use super::token::NoteLine;

/// Reads a line; an empty one or one behind code is reported.
pub(crate) fn note(file: u32, text: &str, line: NoteLine, diags: &mut Vec<Diagnostic>) -> Option<Note> {
    let span = Span { file, start: line.start, end: line.end };
    if !line.alone {
        diags.push(
            Diagnostic::error(codes::MISPLACED_NOTE, "an annotation needs a line of its own", span)
                .help("move it to the line before the declaration or clause it speaks of"),
        );
        return None;
    }
    let body = text[line.start as usize + 3..line.end as usize].trim();
    if body.is_empty() {
        diags.push(
            Diagnostic::error(codes::MISPLACED_NOTE, "an annotation without a key", span)
                .help("write `//@ key value`, or `//` for a comment"),
        );
        return None;
    }
    let (key, value) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    Some(Note { key: key.to_owned(), value: value.trim().to_owned(), span })
}

/// A line between the tokens of a statement.
pub(crate) fn inside(span: Span, diags: &mut Vec<Diagnostic>) {
    diags.push(
        Diagnostic::error(codes::MISPLACED_NOTE, "an annotation stands inside a statement", span)
            .help("move it before the declaration or clause it speaks of"),
    );
}

/// Lines before something that takes none.
pub(crate) fn dangling(notes: &Notes, place: &str, diags: &mut Vec<Diagnostic>) {
    if let (Some(first), Some(last)) = (notes.0.first(), notes.0.last()) {
        let span = Span { end: last.span.end, ..first.span };
        diags.push(
            Diagnostic::warning(
                codes::DANGLING_NOTE,
                format!("these annotations stand {place} and speak of nothing"),
                span,
            )
            .note("an annotation belongs to the `.type`, `.decl`, fact or rule that follows it"),
        );
    }
}
