//! One conclusion to why and why not: slice, recorded replay, derivation graph.
