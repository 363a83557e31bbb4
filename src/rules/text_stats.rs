//! Letter statistics of names and payloads.

use crate::knowledge::bigram::Bigram;

/// Surprise (bits per step) from which an eight-letter name is called random.
///
/// Lower than the threshold for domain labels because a name is judged only together with a new service or task, and
/// letters alone are less surprising than letters with digits: measured on the shipped counts, 81 % of eight random
/// letters reach it and 3 % of ordinary labels do.
pub const RANDOM_NAME: f64 = 5.4;

/// Shannon entropy in bits per character. Meaningful for long texts only: a label of ten different characters
/// reaches log2(10) = 3.3 whatever it says.
pub fn entropy(text: &str) -> f64 {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    let all = chars.len() as f64;
    let runs = chars.chunk_by(|a, b| a == b);
    runs.map(|run| run.len() as f64 / all).map(|p| -p * p.log2()).sum()
}

/// Share of characters of the base32 alphabet (a–z, 2–7, either case), 0 to 1; 0 for an empty text.
pub fn base32_share(text: &str) -> f64 {
    share(text, |c| c.is_ascii_alphabetic() || matches!(c, '2'..='7'))
}

/// Share of hexadecimal digits, 0 to 1; 0 for an empty text.
pub fn hex_share(text: &str) -> f64 {
    share(text, |c| c.is_ascii_hexdigit())
}

/// The surprise of a name of exactly eight ASCII letters when it reaches [`RANDOM_NAME`], as names of services do that
/// attack frameworks draw at random. Names with one of Windows' own abbreviations (`CryptSvc`, `iphlpsvc`) are left
/// alone: they have no vowels either, and chance writes one in a thousand names so.
pub fn random_eight_letters(name: &str, model: &Bigram) -> Option<f64> {
    let letters = name.len() == 8 && name.bytes().all(|b| b.is_ascii_alphabetic());
    let lower = name.to_ascii_lowercase();
    let abbreviated = ["svc", "srv", "drv"].iter().any(|part| lower.contains(part));
    (letters && !abbreviated)
        .then(|| model.nll(name))
        .filter(|nll| *nll >= RANDOM_NAME)
}

fn share(text: &str, belongs: impl Fn(char) -> bool) -> f64 {
    let (mut all, mut good) = (0usize, 0usize);
    for c in text.chars() {
        all += 1;
        good += usize::from(belongs(c));
    }
    if all == 0 { 0.0 } else { good as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_counts_bits_per_character() {
        assert_eq!(entropy(""), 0.0);
        assert_eq!(entropy("aaaa"), 0.0);
        assert!((entropy("abcd") - 2.0).abs() < 1e-12);
        assert!((entropy("0123456789abcdef") - 4.0).abs() < 1e-12);
    }

    #[test]
    fn shares_are_of_characters() {
        assert_eq!(base32_share("MFZWIZLT2345"), 1.0);
        assert_eq!(base32_share("ab01"), 0.5);
        assert_eq!(hex_share("dead-beef"), 8.0 / 9.0);
        assert_eq!(hex_share(""), 0.0);
    }

    #[test]
    fn random_service_names_are_told_from_words() {
        let model = Bigram::builtin();
        for name in ["KbTqGzPw", "xqzvkjwp", "HvBxWqZk"] {
            assert!(random_eight_letters(name, model).is_some(), "{name}");
        }
        for name in [
            "WinDefen",
            "Schedule",
            "NetLogon",
            "Dnscache",
            "CryptSvc",
            "wuauserv",
            "PSEXESVC",
            "short",
            "日本語日本語",
        ] {
            assert!(random_eight_letters(name, model).is_none(), "{name}");
        }
    }
}
