//! Program + facts to all conclusions. No input or output; cannot fail on a checked program except at a stated limit.

pub mod functor;
pub mod limit;
pub mod naive;
pub mod store;
pub mod symbol;
pub mod value;

pub use limit::{Limit, Options};
