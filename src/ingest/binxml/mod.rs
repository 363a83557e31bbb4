//! Windows' binary XML, read straight into raw events: the fast way through EVTX.
//!
//! A record is a template and the values to put into it. A template is read once, into a flat list of what the reader
//! of XML ([`super::event::xml`]) would do with the text it stands for (`program`); a record then only has its values
//! written as text, in that order. Both ways give the same event.
//!
//! | file | from | to |
//! |---|---|---|
//! | `chunk` | a chunk | where its records lie |
//! | `tokens` | an element in a chunk | a copy that needs no chunk: offsets of names resolved |
//! | `tree`, `compile` | the copy | a `program` |
//! | `slots`, `values` | the values of a record | typed places in the chunk, text |
//! | `run` | a program and values | the fields, as places in one buffer of text |
//! | `decoder` | a chunk | all of this for each of its records |
//! | `shape` | the names of the fields | columns, by which mappers find them |
//! | `events` | the fields | a [`Raw`](super::raw::Raw) for each record |
//!
//! Nothing is guessed: whatever is not as Windows writes it (an unknown token or type, sizes that do not add up, a name
//! outside the chunk) makes the record, or its chunk, one for the `evtx` crate. `None` always means this here.

mod chunk;
mod compile;
mod cursor;
mod decoder;
mod events;
mod names;
mod program;
mod run;
mod shape;
mod slots;
mod span;
mod text;
mod tokens;
mod tree;
mod utf16;
mod values;

#[cfg(test)]
pub mod testing;

pub use decoder::Decoder;
pub use events::Events;
