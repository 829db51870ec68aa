//! Program + facts to all conclusions. No input or output; cannot fail on a checked program except at a stated limit.
//!
//! [`evaluate`] prepares each rule ([`rule`]), chooses a join order from true sizes ([`order`]), builds a plan ([`plan`]),
//! and runs it in chunks ([`exec`]) through datafrog ([`frog`]) over sorted flat rows ([`rows`], [`index`], [`seek`]).

pub mod exec;
pub mod expr;
pub mod frog;
pub mod functor;
pub mod index;
pub mod limit;
pub mod look;
pub mod naive;
pub mod order;
pub mod packed;
pub mod partition;
pub mod plan;
pub mod profile;
pub mod rows;
pub mod rule;
pub mod run;
pub mod seek;
pub mod shards;
pub mod store;
pub mod symbol;
pub mod tally;
pub mod texts;
pub mod unread;
pub mod value;

pub use limit::{Limit, Options};
pub use profile::Profile;
pub use run::{evaluate, needed, needed_by, on_threads};
