//! Floor 0: errors, time, text, addresses. Knows nothing of logs.

pub mod bits;
pub mod columns;
pub mod error;
pub mod ip;
pub mod lock;
pub mod names;
pub mod places;
pub mod registry;
pub mod reject;
pub mod text;
pub mod text_table;
pub mod time;
