//! A folder of rules to a rulebook: program, code lists, outline, shipped tables, phrases.
