//! Parts of keys, URLs and accounts, whoever wrote them.

/// Whether a word is a short hive of the registry.
pub(super) fn is_hive(text: &str) -> bool {
    matches!(text, "hklm" | "hkcu" | "hku" | "hkcr")
}

/// Whether a key is the asked one or lies under it; an asked key without hive may begin at any component.
pub(super) fn holds_key(key: &str, asked: &str) -> bool {
    let whole_at = |at: usize| matches!(key.as_bytes().get(at + asked.len()), None | Some(b'\\'));
    if is_hive(asked.split('\\').next().unwrap_or("")) {
        return key.starts_with(asked) && whole_at(0);
    }
    key.match_indices(asked)
        .any(|(at, _)| (at == 0 || key.as_bytes().get(at - 1) == Some(&b'\\')) && whole_at(at))
}

/// The host of a URL without scheme.
pub(super) fn url_host(url: &str) -> &str {
    url.split(['/', '?']).next().unwrap_or(url)
}

/// The name of an account without its domain; SIDs are whole.
pub(super) fn account_name(account: &str) -> &str {
    let name = account.rsplit_once('\\').map_or(account, |(_, n)| n);
    name.split_once('@').map_or(name, |(n, _)| n)
}

/// The domain of `DOMAIN\\name` or `name@domain`.
pub(super) fn account_domain(account: &str) -> Option<&str> {
    match account.split_once('\\') {
        Some((d, _)) => Some(d),
        None => account.split_once('@').map(|(_, d)| d),
    }
}

/// Whether two spellings are of one domain: `corp` and `corp.example`.
pub(super) fn same_domain(a: &str, b: &str) -> bool {
    let short = |t: &str| t.split('.').next().unwrap_or(t).to_owned();
    a == b || (short(a) == short(b) && (!a.contains('.') || !b.contains('.')))
}

/// The bytes of hexadecimal digits.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes()
        .chunks_exact(2)
        .map(|c| c.iter().fold(0, |n, b| n << 4 | digit(*b)))
        .collect()
}
