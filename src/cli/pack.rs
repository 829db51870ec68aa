//! `zhuize pack`: a casebase and its conclusions, prepared for questions.

use super::run::Progress;
use super::setting::{Question, Setting};
use super::{Failure, Lang};
use crate::base::{self, Manifest};
use crate::report::layout;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `pack`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The folder holds Arrow IPC files, one for each table of facts and of conclusions, which other programs read
as they are. `why`, `why-not`, `what-if`, `least-change`, `contrast` and `query` take it in place of a casebase and read
only what the question needs; `update` changes it."
)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// The folder of the base, made anew or in place of an older one
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Pieces in which the conclusions are derived [default: by size]
    #[arg(long, value_name = "N", default_value_t = 0)]
    shards: usize,
    /// Tables of at most so many rows are read whole when they are first asked
    #[arg(long, value_name = "ROWS", default_value_t = base::pack::SMALL, hide_short_help = true)]
    whole_below: u64,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let request = args.question.request(setting, true)?;
    if base::is_base(&request.facts) {
        let text = setting.say(
            "E0585: 这已是制作好的案件库；更改请用 update",
            "E0585: this is a prepared casebase already; change it with `update`",
        );
        return Err(Failure::Usage(text.to_owned()));
    }
    let progress = Progress::new(setting);
    let made = base::pack::pack(&book, &request, &args.output, (args.shards, args.whole_below), |stage| {
        progress.stage(stage, setting)
    });
    progress.end();
    let made = made.map_err(|t| setting.base_or_run(t, &book, err))?;
    if !setting.quiet {
        writeln!(out, "{}", summary(&made, &args.output, setting))?;
    }
    Ok(())
}

/// What a base holds, in a line.
pub(super) fn summary(base: &Manifest, dir: &std::path::Path, setting: &Setting) -> String {
    let sum = |kind: &str| -> i64 {
        let rows = |prefix: String| -> i64 {
            let files = base.layers.iter().flat_map(|l| &l.files);
            files.filter(|(path, _)| path.starts_with(&prefix)).map(|(_, e)| e.rows as i64).sum()
        };
        rows(format!("{kind}/")) - rows(format!("{kind}-gone/"))
    };
    let bytes: u64 = base.layers.iter().flat_map(|l| l.files.values()).map(|e| e.bytes).sum();
    let (facts, conclusions, mb) = (sum("facts"), sum("conclusions"), bytes.div_ceil(1 << 20));
    let (dir, day, layers) = (layout::plain(&dir.display().to_string()), &base.as_of, base.layers.len());
    match setting.lang {
        Lang::Zh => {
            format!("案件库 {dir}：事实 {facts} 行，结论 {conclusions} 行，基准日 {day}；{layers} 层，{mb} MiB")
        }
        Lang::En => {
            let layer = if layers == 1 { "layer" } else { "layers" };
            format!(
                "Base {dir}: {facts} rows of facts, {conclusions} conclusions as of {day}; {layers} {layer}, {mb} MiB"
            )
        }
    }
}
