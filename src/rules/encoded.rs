//! PowerShell's `-EncodedCommand`: finding it, also inside other command lines, and decoding it layer by layer.

use super::base64_text::{MAX_OUTPUT, bytes, from_base64_strings, is_token, utf16_text};
use super::cmdline::{capped, tokenize};
use crate::knowledge::programs::{base_name, stem};

/// How deep a command inside a command is followed.
pub const MAX_DEPTH: u8 = 3;

/// Characters that PowerShell accepts in front of a parameter's name.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// An encoded command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The base64 text as written.
    pub token: String,
    /// What it says, at most [`MAX_OUTPUT`] bytes.
    pub decoded: String,
}

/// One layer of a script that wraps others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// 1 for what stands in the text itself.
    pub depth: u8,
    /// How it was wrapped.
    pub wrapping: Wrapping,
    /// What it says.
    pub text: String,
}

/// How a layer was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// The value of `-EncodedCommand`.
    EncodedCommand,
    /// A literal given to `FromBase64String`, perhaps compressed.
    Base64Literal,
}

/// The first encoded command of a command line.
///
/// The program is PowerShell by `image_name` (an image's base name or path, or its `OriginalFileName`) or by a token
/// further on, as in `cmd /c powershell -e …`. The parameter is any prefix of `EncodedCommand` or `ec` after one of
/// PowerShell's dashes, so never `-ep` or `-ex…`; its value is at least 16 characters of base64 that
/// decode from UTF-16LE to text that is 90 % printable.
pub fn encoded_command(command_line: &str, image_name: &str) -> Option<Encoded> {
    find(command_line, is_powershell(image_name), 1)
}

/// All layers of a command line or script, outer ones first: encoded commands and base64 literals, and what is inside
/// them, at most [`MAX_DEPTH`] deep and [`MAX_OUTPUT`] bytes together. `image_name` as in [`encoded_command`]; empty for a script.
pub fn decode_layers(text: &str, image_name: &str) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut budget = MAX_OUTPUT;
    let mut level = vec![(text.to_owned(), image_name)];
    for depth in 1..=MAX_DEPTH {
        let mut next = Vec::new();
        for (text, image) in &level {
            let command = encoded_command(text, image).map(|e| (Wrapping::EncodedCommand, e.decoded));
            let literals = from_base64_strings(text).into_iter();
            let literals = literals.map(|t| (Wrapping::Base64Literal, t));
            for (wrapping, inner) in command.into_iter().chain(literals) {
                if inner.len() > budget {
                    return layers;
                }
                budget -= inner.len();
                next.push((inner.clone(), ""));
                layers.push(Layer {
                    depth,
                    wrapping,
                    text: inner,
                });
            }
        }
        level = next;
    }
    layers
}

/// Whether a name is PowerShell's: `powershell.exe`, `pwsh`, a path to one, or the `PowerShell.EXE.MUI` of its resource.
pub fn is_powershell(name: &str) -> bool {
    let lower = base_name(name.trim_matches(['"', '\'', ' '])).to_ascii_lowercase();
    let base = lower.strip_suffix(".mui").unwrap_or(&lower);
    let base = base.strip_suffix(".dll").unwrap_or(base);
    matches!(stem(base), "powershell" | "pwsh" | "powershell_ise")
}

fn find(command_line: &str, is_powershell_line: bool, depth: u8) -> Option<Encoded> {
    let text = capped(command_line, super::cmdline::MAX_COMMAND_LINE);
    let mentioned = mentions_powershell(text);
    if !is_powershell_line && !mentioned {
        return None;
    }
    let direct = tokenize(text);
    if is_powershell_line {
        let parameters = direct.iter().skip(1);
        if let Some(found) = value_of_parameter(parameters) {
            return Some(found);
        }
    }
    if !mentioned {
        return None;
    }
    // What another program passes on: `cmd` removes carets and ends a command at its operators.
    let passed_on: String = text.chars().filter(|c| *c != '^' && *c != '`').collect();
    let passed_on = passed_on.replace(['&', '|', '(', ')', ';', ','], " ");
    let tokens = tokenize(&passed_on);
    let after = tokens.iter().position(|t| starts_powershell(t));
    if let Some(at) = after
        && let Some(found) = value_of_parameter(tokens.iter().skip(at + 1))
    {
        return Some(found);
    }
    if depth >= MAX_DEPTH {
        return None;
    }
    // `cmd /c "powershell -e …"`: the inner command is one token of the outer.
    let inner = direct.iter().chain(&tokens);
    inner
        .filter(|t| t.contains(' ') && t.len() < text.len() && mentions_powershell(t))
        .take(8)
        .find_map(|t| find(t.trim_matches('\''), false, depth + 1))
}

fn mentions_powershell(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr2_iter(b'p', b'P', text).any(|at| {
        let plain = || text.iter().skip(at).filter(|b| !matches!(b, b'^' | b'`'));
        let begins = |name: &str| {
            let mut here = plain();
            name.bytes()
                .all(|b| here.next().is_some_and(|h| h.eq_ignore_ascii_case(&b)))
        };
        begins("powershell") || begins("pwsh")
    })
}

/// A token that names PowerShell, also glued to what comes before (`/cpowershell`).
fn starts_powershell(token: &str) -> bool {
    let glued = ["/c", "/k", "/r", "@"];
    let rest = glued
        .iter()
        .find_map(|p| {
            let (head, tail) = token.split_at_checked(p.len())?;
            head.eq_ignore_ascii_case(p).then_some(tail)
        })
        .unwrap_or(token);
    is_powershell(token) || is_powershell(rest)
}

/// The value of `-EncodedCommand` among PowerShell's arguments.
fn value_of_parameter<'a>(arguments: impl Iterator<Item = &'a String>) -> Option<Encoded> {
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let Some(name) = parameter_name(argument) else {
            continue;
        };
        // What follows a script's name are the script's own arguments.
        if name.len() >= 2 && "file".starts_with(&name) || name == "f" {
            return None;
        }
        if !is_encoded_command(&name) {
            continue;
        }
        if let Some(found) = arguments.peek().and_then(|value| decode(value)) {
            return Some(found);
        }
    }
    None
}

fn decode(value: &str) -> Option<Encoded> {
    let token = value.trim_matches(['"', '\'']);
    if !is_token(token) {
        return None;
    }
    let decoded = utf16_text(&bytes(token)?)?;
    Some(Encoded {
        token: token.to_owned(),
        decoded: capped(&decoded, MAX_OUTPUT).to_owned(),
    })
}

/// The lower-case name of `-Name`, `/Name`, `--Name` and their forms with other dashes.
fn parameter_name(argument: &str) -> Option<String> {
    let name = argument.strip_prefix(DASHES)?;
    let name = name.strip_prefix(DASHES).unwrap_or(name);
    (!name.is_empty() && name.len() <= 32).then(|| name.to_ascii_lowercase())
}

fn is_encoded_command(name: &str) -> bool {
    name == "ec" || "encodedcommand".starts_with(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn encode(text: &str) -> String {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        STANDARD.encode(utf16)
    }

    fn decoded(command_line: &str, image: &str) -> Option<String> {
        encoded_command(command_line, image).map(|e| e.decoded)
    }

    #[test]
    fn every_form_of_the_parameter_is_found() {
        let b = encode("whoami /all");
        for form in [
            "-e",
            "-E",
            "-ec",
            "-en",
            "-enc",
            "-EncodedCommand",
            "/enc",
            "--enc",
            "–enc",
            "—e",
            "―ec",
        ] {
            let line = format!("powershell -NoP {form} {b}");
            let found = decoded(&line, "powershell.exe");
            assert_eq!(found.as_deref(), Some("whoami /all"), "{form}");
        }
        let quoted = format!("\"C:\\x y\\powershell.exe\" -e \"{b}\"");
        assert!(decoded(&quoted, "PowerShell.EXE.MUI").is_some());
        assert!(decoded(&format!("renamed.exe -e {b}"), "pwsh.dll").is_some());
    }

    #[test]
    fn neighbouring_parameters_and_other_programs_are_not_taken_for_it() {
        let b = encode("whoami /all");
        for line in [
            format!("powershell -ep {b}"),
            format!("powershell -ex {b}"),
            format!("powershell -ExecutionPolicy {b}"),
            format!("powershell -File a.ps1 -e {b}"),
            "powershell -e".to_owned(),
            "powershell -Command \"Out-File x -Encoding utf8\"".to_owned(),
            "powershell -e longscriptnamewithoutencoding".to_owned(),
            format!("powershell {b}"),
        ] {
            assert_eq!(decoded(&line, "powershell.exe"), None, "{line}");
        }
        assert_eq!(decoded(&format!("openssl -e {b}"), "openssl.exe"), None);
    }

    #[test]
    fn commands_inside_other_command_lines_are_found() {
        let b = encode("whoami /all");
        for line in [
            format!("cmd /c powershell -e {b}"),
            format!("cmd.exe /c \"powershell.exe -nop -e {b}\""),
            format!("cmd /c p^owersh^ell -e^nc {b}"),
            format!("cmd /cpowershell -enc {b}&exit"),
            format!("cmd /c echo x|C:\\Windows\\powershell.exe -enc {b}"),
            format!("wmic process call create \"powershell -enc {b}\""),
            format!("schtasks /create /tr \"cmd /c \\\"powershell -enc {b}\\\"\" /tn x"),
            format!("powershell -c \"powershell -enc {b}\""),
        ] {
            let found = decoded(&line, base_name(line.split(' ').next().unwrap()));
            assert_eq!(found.as_deref(), Some("whoami /all"), "{line}");
        }
    }

    #[test]
    fn layers_are_followed_three_deep_and_no_deeper() {
        let wrap = |inner: &str| format!("powershell -enc {}", encode(inner));
        let text = wrap(&wrap(&wrap(&wrap("whoami"))));
        let layers = decode_layers(&text, "powershell.exe");
        let depths: Vec<u8> = layers.iter().map(|l| l.depth).collect();
        assert_eq!(depths, [1, 2, 3]);

        let literal = STANDARD.encode("Invoke-Expression $x");
        let script = format!("$c=[Convert]::FromBase64String('{literal}')");
        let layers = decode_layers(&wrap(&script), "powershell.exe");
        assert_eq!(layers[1].wrapping, Wrapping::Base64Literal);
        assert_eq!(layers[1].text, "Invoke-Expression $x");
    }

    #[test]
    fn hostile_nesting_ends() {
        let quotes = format!("cmd /c {}", "\"powershell ".repeat(20_000));
        assert_eq!(decoded(&quotes, "cmd.exe"), None);
        let long = format!("powershell -e {}", "A".repeat(400_000));
        assert_eq!(decoded(&long, "powershell.exe"), None);
    }
}
