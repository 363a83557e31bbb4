//! What a page may load and run: its own style sheet and script, named by their hashes, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The Content-Security-Policy of a page with this style sheet and, perhaps, this script.
pub fn policy(css: &str, js: Option<&str>) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let script = js.map_or(String::new(), |js| format!("script-src 'sha256-{}'; ", hash(js)));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; {script}base-uri 'none'; form-action 'none'",
        hash(css)
    )
}
