//! Explanations as text tree, narrative, page, DOT, Mermaid, GraphML, JSON and SVG. Pictures and trees draw the same
//! [`view::View`]; prose is a [`narrative::Narrative`].

pub mod contrast;
pub mod dot;
pub mod graphml;
pub mod html;
pub mod json;
pub mod layout;
pub mod markup;
pub mod measure;
pub mod mermaid;
pub mod narrative;
pub mod outcome;
pub mod supports;
pub mod svg;
pub mod tree;
pub mod view;
pub mod words;
