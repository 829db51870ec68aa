//! Loading of tables. `tests/facts/bad/<name>` and `tests/facts/good/<name>` are found by walking; each holds
//!
//! - `schema.dl`, the program whose annotations are the schema,
//! - `tables/`, the casebase (absent: no such folder), and `shipped/`, tables that come with the rulebook,
//! - `codes.csv`, code lists (`list,code,zh,en,derived`),
//! - `options.txt`, lines such as `as_of 2024-06-30`, `skip`, `limit 2`, `days`, `encoding big5`, `unpacked 1000`,
//! - `expect.en.txt` and `expect.zh.txt`, all that the load says. `UPDATE_GOLDEN=1` writes them anew.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[path = "facts/walk.rs"]
mod walk;
#[path = "facts/whole.rs"]
mod whole;

fn main() {
    let args = libtest_mimic::Arguments::from_args();
    let mut trials = walk::trials();
    trials.extend(whole::trials());
    libtest_mimic::run(&args, trials).exit();
}
