//! Spans of time as rules write them.

/// Microseconds of `15s`, `5m`, `24h`, `7d`, `2w`, `1M` (30 days), `1y` (365 days).
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        'M' => 30 * 86_400,
        'y' => 365 * 86_400,
        _ => return None,
    };
    let n: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    (n > 0)
        .then(|| n.checked_mul(seconds)?.checked_mul(1_000_000))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(parse("15s"), Some(15_000_000));
        assert_eq!(parse("1M"), Some(30 * 86_400_000_000));
        for bad in ["5", "m", "-1m", "0s", "9223372036854775807d", "", "5 apples"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
