//! The macro behind every ordered list of plug-ins (formats, mappers, signals, outputs).

/// Declares the modules of a list of plug-ins and the ordered slice that holds one instance of each.
///
/// Adding a plug-in is one file and one line in the list; `tests/it/architecture.rs` fails on a file
/// that stands in no list.
#[macro_export]
macro_rules! registry {
    ($(#[$doc:meta])* $name:ident: dyn $trait:path = [$($module:ident :: $item:ident),* $(,)?]) => {
        $(pub mod $module;)*
        $(#[$doc])*
        pub static $name: &[&(dyn $trait + Sync)] = &[$(&$module::$item),*];
    };
}
