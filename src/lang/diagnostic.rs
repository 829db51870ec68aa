//! Diagnostics as data: what is wrong, where, why, and what would mend it.

use super::program::Span;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program cannot be used.
    Error,
    /// The program can be used, but a reader should look.
    Warning,
}

/// A place in the text with what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say of it; may be empty.
    pub text: String,
}

/// One finding about rule text. Codes are stable: `E01xx` syntax, `E02xx` types and safety, `E03xx` stratification,
/// `E04xx` rulebook, `E05xx` data rows, `E06xx` queries and arguments, `E07xx` limits, `E08xx` certificates; `W…` for warnings of the same ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, such as `E0203`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// The main place, if the finding has one.
    pub primary: Option<Label>,
    /// Other places that explain the finding (the clashing use, the rules of a cycle ...).
    pub related: Vec<Label>,
    /// Reasons and background, one sentence each.
    pub notes: Vec<String>,
    /// What would mend it ("did you mean ...").
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Error, message, Some(span))
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self::new(code, Severity::Warning, message, Some(span))
    }

    /// A diagnostic with or without a place.
    #[must_use]
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: span.map(|span| Label { span, text: String::new() }),
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Text under the carets of the main place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(l) = &mut self.primary {
            l.text = text.into();
        }
        self
    }

    /// A further place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// A reason.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// A suggestion.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}
