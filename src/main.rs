//! The `zhuize` command.
fn main() {}
