//! Tables of a casebase to facts with their origin.

pub mod codes;
