//! What columns hold, as far as indicators are concerned.

use crate::entity::ioc::Kind;
use crate::schema::{self, Col, Column, TABLES, Table};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The hash of a file.
    Hash,
    /// An address, as bytes.
    Address,
    /// A host's name or address as text.
    Name,
    /// The host of a URL whose path stands in another column.
    UrlHost,
    /// Path or query of a URL.
    UrlPart,
    /// A path of a file.
    Path,
    /// A registry key.
    Registry,
    /// An account's name or SID.
    Account,
    /// Mail addresses.
    Mail,
    /// Free text: command lines, scripts, what other products say.
    Text,
    /// All fields that no column holds, as JSON; searched where asked for.
    Extra,
}

impl Role {
    /// The kinds of indicators that such a column can show.
    pub fn kinds(self) -> &'static [Kind] {
        use Kind::{Account, Address, Domain, File, Mail, Md5, Network, Registry, Sha1, Sha256, Url, UrlPart};
        match self {
            Role::Hash => &[Md5, Sha1, Sha256],
            Role::Address => &[Address, Network],
            Role::Name => &[Address, Network, Domain],
            Role::UrlHost => &[Address, Network, Domain, Url],
            Role::UrlPart => &[UrlPart, Url, Domain, File],
            Role::Path => &[File, Address, Network, Domain],
            Role::Registry => &[Registry],
            Role::Account => &[Account, Mail],
            Role::Mail => &[Mail, Domain, Account],
            Role::Text => &[Address, Network, Domain, Url, UrlPart, File, Registry, Mail],
            Role::Extra => &[
                Md5, Sha1, Sha256, Address, Network, Domain, Url, UrlPart, File, Registry, Mail,
            ],
        }
    }

    /// The kinds that such a column is there for: where all of them are empty, the kind cannot be seen.
    pub fn native(self) -> &'static [Kind] {
        use Kind::{Account, Address, Domain, File, Mail, Md5, Network, Registry, Sha1, Sha256, Url, UrlPart};
        match self {
            Role::Hash => &[Md5, Sha1, Sha256],
            Role::Address => &[Address, Network],
            Role::Name => &[Domain],
            Role::UrlHost => &[Domain, Url],
            Role::UrlPart => &[UrlPart],
            Role::Path => &[File],
            Role::Registry => &[Registry],
            Role::Account => &[Account],
            Role::Mail => &[Mail],
            Role::Text | Role::Extra => &[],
        }
    }

    /// Whether reading it is dear: such columns can be left out.
    pub fn is_free_text(self) -> bool {
        matches!(self, Role::Text | Role::Extra)
    }
}

/// Columns by name; hashes and addresses are told by their types.
const BY_NAME: &[(Role, &[&str])] = &[
    (
        Role::Name,
        &[
            "qname",
            "answers",
            "dst_host",
            "src_host",
            "tls_sni",
            "client_host",
            "target_server",
            "ips",
        ],
    ),
    (Role::UrlHost, &["url_host"]),
    (Role::UrlPart, &["url_path", "url_query"]),
    (
        Role::Path,
        &[
            "image",
            "parent_image",
            "gparent_image",
            "orig_name",
            "path",
            "prev_path",
            "target_image",
            "start_module",
            "attachments",
        ],
    ),
    (Role::Registry, &["key", "prev_key"]),
    (
        Role::Account,
        &[
            "user",
            "user_sid",
            "target_user",
            "target_sid",
            "parent_user",
            "member",
            "member_sid",
            "account",
        ],
    ),
    (Role::Mail, &["sender", "recipients"]),
    (
        Role::Text,
        &[
            "cmdline",
            "parent_cmdline",
            "command",
            "args",
            "content",
            "text",
            "host_app",
            "context",
            "contents",
            "data",
            "prev_data",
            "origin_url",
            "referrer_url",
            "referer",
            "urls",
            "object",
            "evidence",
            "message",
            "cert_subject",
            "subject",
            "consumer",
            "old",
            "new",
        ],
    ),
    (Role::Extra, &["extra"]),
];

/// What a column holds; `None` where no indicator can stand in it.
pub fn role(column: &Column) -> Option<Role> {
    match column.kind {
        schema::Kind::Md5 | schema::Kind::Sha1 | schema::Kind::Sha256 => Some(Role::Hash),
        schema::Kind::Ip => Some(Role::Address),
        _ => BY_NAME
            .iter()
            .find(|(_, names)| names.contains(&column.name))
            .map(|(r, _)| *r),
    }
}

/// The columns of a table that indicators can stand in.
pub fn roles(table: &'static Table) -> Vec<(Col, &'static Column, Role)> {
    table
        .all_columns()
        .filter_map(|(col, c)| Some((col, c, role(c)?)))
        .collect()
}

/// Whether a hash of this kind can stand in the column.
pub fn holds_hash(column: &Column, kind: Kind) -> bool {
    match column.kind {
        schema::Kind::Md5 => kind == Kind::Md5,
        schema::Kind::Sha1 => kind == Kind::Sha1,
        schema::Kind::Sha256 => kind == Kind::Sha256,
        _ => false,
    }
}

/// The places that are there for a kind, as `table.column`.
pub fn places(kind: Kind) -> Vec<String> {
    TABLES
        .iter()
        .flat_map(|t| roles(t).into_iter().map(move |(_, c, r)| (t, c, r)))
        .filter(|(_, c, r)| match r {
            Role::Hash => holds_hash(c, kind),
            r => r.native().contains(&kind),
        })
        .map(|(t, c, _)| format!("{}.{}", t.name, c.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_column_exists_and_is_text() {
        for (role, names) in BY_NAME {
            for name in *names {
                let found: Vec<_> = TABLES.iter().filter_map(|t| t.find(name)).collect();
                assert!(!found.is_empty(), "{role:?} {name}");
                for (_, c) in found {
                    let text = c.kind.is_text() || c.kind == schema::Kind::List;
                    assert!(text || c.kind == schema::Kind::Ip, "{name} is {:?}", c.kind);
                }
            }
        }
    }

    #[test]
    fn every_kind_can_stand_somewhere() {
        for kind in Kind::ALL {
            assert!(!places(kind).is_empty(), "{kind:?}");
        }
    }
}
