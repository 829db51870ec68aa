//! A run over a whole casebase.
