//! Arguments to commands, one file each.
