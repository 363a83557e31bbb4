//! Predicates and statistics that signals are made of: pure functions on text, names and series of times.

pub mod base64_text;
pub mod beacon;
pub mod cmdline;
pub mod content;
pub mod discovery;
pub mod encoded;
pub mod ioc;
pub mod launch;
pub mod lolbins;
pub mod obfuscation;
pub mod paths;
pub mod registry_path;
pub mod sigma;
pub mod similar;
pub mod strobe;
pub mod text_stats;

#[cfg(test)]
mod vectors;
