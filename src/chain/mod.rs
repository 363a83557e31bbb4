//! Floor 8: hits become chains. Edges of a known strength join the hits of one host; weak ones attach what stands alone
//! to a backbone; chains of different hosts are linked and stay apart (detection.md 4).

pub mod build;
pub mod cross_host;
pub mod lineage;
pub mod links;
mod paths;
mod split;
#[cfg(test)]
pub mod testing;
mod union;
mod weak;

use crate::lake::frame::StrId;

pub use build::build;
pub use links::context;

/// A hit in a chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Index of the hit.
    pub hit: usize,
    /// Link factor: 1 in the backbone, the strength of the path to it for what is attached weakly.
    pub link: f64,
    /// The process whose start is the hit's leading row, by its number in the chain.
    pub started: Option<u32>,
}

/// A process on the paths between the hits.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainProcess {
    /// Number of the parent within the chain; smaller than its own.
    pub parent: Option<u32>,
    /// Start, microseconds UTC; `None` where only a child or an act names it.
    pub start: Option<i64>,
    /// Path of the executable.
    pub image: StrId,
    /// Command line.
    pub cmdline: StrId,
    /// User.
    pub user: StrId,
    /// Process id.
    pub pid: Option<u32>,
    /// Hits in which it starts or acts (indices of hits).
    pub hits: Vec<usize>,
}

/// Hits of one host that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Host.
    pub host: StrId,
    /// Its hits in canonical order.
    pub members: Vec<Member>,
    /// Processes, parents before children.
    pub processes: Vec<ChainProcess>,
    /// Processes that did not fit.
    pub more_processes: usize,
}

/// Two chains that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Index of one chain.
    pub a: usize,
    /// Index of the other.
    pub b: usize,
    /// Strength, 0 to 1.
    pub strength: f64,
    /// Why, in words.
    pub reason: String,
    /// The earliest step from one of the two hosts to the other that rows show.
    pub hop: Option<Hop>,
}

/// A step from one host to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// When, microseconds UTC.
    pub time: i64,
    /// The chain on the host where it began.
    pub from: usize,
    /// The chain on the host where it led.
    pub to: usize,
    /// How, in words.
    pub how: String,
    /// The account it was made with.
    pub user: Option<String>,
}

/// All chains of a hunt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chains {
    /// Chains by host and time.
    pub chains: Vec<Chain>,
    /// Links between chains.
    pub links: Vec<Link>,
}
