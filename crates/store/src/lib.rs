//! Run folders, checkpoints, the one codec, and values of nodes that outlive a run.
//!
//! A run folder holds what was asked (`run.json`), every distinct strategy tried (`trials.jsonl`), the state to go
//! on from (`checkpoint.bin`) and the champions. Files are written whole under a temporary name and renamed; the
//! trial list grows by whole generations, and a checkpoint says how much of it counts.
//!
//! This room does not know the screen.

mod codec;
mod columns;
mod folder;

pub use codec::{CodecError, FrameKind, decode, encode};
pub use columns::ColumnFolder;
pub use folder::{Checkpoint, Error, RunFolder};
