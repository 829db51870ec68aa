//! Explanations as text tree, DOT, JSON and SVG. All draw the same [`view::View`].

pub mod dot;
pub mod json;
pub mod layout;
pub mod measure;
pub mod svg;
pub mod tree;
pub mod view;
pub mod words;
