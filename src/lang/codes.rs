//! Every diagnostic code of this room, with its meaning. Codes never change their meaning; retired ones are not reused.

macro_rules! codes {
    ($($(#[$m:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        $( #[doc = $title] pub const $name: &str = $code; )*
        /// All codes with their meaning, in order.
        pub const ALL: &[(&str, &str)] = &[$(($code, $title)),*];
    };
}

codes! {
    UNEXPECTED_CHARACTER = "E0101", "a character that the rule language does not use";
    UNTERMINATED = "E0102", "a text or comment that is never closed";
    BAD_ESCAPE = "E0103", "an escape in a text that means nothing";
    BAD_NUMBER = "E0104", "a malformed number";
    SYNTAX = "E0105", "something else was expected here";
    UNKNOWN_DIRECTIVE = "E0106", "a directive that does not exist";
    REFUSED = "E0107", "a construct of Soufflé that is not part of this language";
    MISPLACED_NOTE = "E0108", "an annotation line where none may stand";
    KEYWORD = "E0109", "a reserved word used as a name";
    PREPROCESSOR = "E0110", "a preprocessor line";
    BAD_PARAMETER = "E0111", "a directive parameter that is missing or malformed";
    UNKNOWN_RELATION = "E0201", "a relation that is not declared";
    UNKNOWN_TYPE = "E0202", "a type that is not declared";
    ARITY = "E0203", "a wrong number of arguments";
    DUPLICATE = "E0204", "a name declared twice";
    TYPE_CLASH = "E0205", "two uses that need different types";
    WRONG_CONSTANT = "E0206", "a constant of the wrong type";
    OUT_OF_RANGE = "E0207", "a number outside the 32-bit range";
    UNGROUNDED = "E0208", "a variable that nothing binds";
    HEAD_TYPE = "E0209", "a variable too general for the column of the head";
    BAD_TYPE = "E0210", "a type definition that makes no sense";
    WILDCARD = "E0211", "`_` where a value is needed";
    FUNCTOR_ARITY = "E0212", "a functor with a wrong number of arguments";
    UNKNOWN_FUNCTOR = "E0213", "a functor that does not exist";
    BAD_CAST = "E0214", "a cast between machine types";
    NEGATIVE_CYCLE = "E0301", "a relation that depends on its own negation";
    AGGREGATE_CYCLE = "E0302", "a relation that depends on an aggregate over itself";
    GOAL_SYNTAX = "E0601", "a question that is not a single atom";
    GOAL_RELATION = "E0602", "a question about a relation that does not exist";
    GOAL_ARITY = "E0603", "a question with a wrong number of arguments";
    GOAL_CONSTANT = "E0604", "a question with a constant of the wrong type";
    TOO_DEEP = "E0751", "nesting deeper than the limit";
    TOO_MANY_CASES = "E0752", "more alternatives in one clause than the limit";
    FILE_TOO_LARGE = "E0753", "a source file larger than the limit";
    DANGLING_NOTE = "W0101", "annotation lines that speak of nothing";
    UNUSED_VARIABLE = "W0201", "a variable used once";
    NEVER_DEFINED = "W0202", "a relation that is read but never filled";
    SHADOWED = "W0203", "a variable of an aggregate with the name of another outside";
    BAD_PATTERN = "W0204", "a pattern that is no regular expression";
}
