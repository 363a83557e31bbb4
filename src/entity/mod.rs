//! Floor 5: who is who over time. Clock offsets are learned and applied, addresses become hosts, and the fleet is
//! counted. All of it is rebuilt from the lake each time it is read, so it depends neither on the order of files nor
//! on the night they came.

pub mod address;
pub mod clock;
pub mod fleet;
pub mod gaps;
pub mod ioc;
pub mod lists;
pub mod resolve;
pub mod survey;
