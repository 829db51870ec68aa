//! The `zhuize` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(zhuize::cli::process())
}
