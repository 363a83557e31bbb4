//! Names of fields with their hash.
//!
//! Readers, mappers and `extra` ask for fields by name many times a record. The hash is made once, where the name is read
//! (or, for a name in the program's text, when the program is compiled), and tells nearly all names apart.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use crate::base::names::hash;

/// The name of a field as the source wrote it.
#[derive(Clone)]
pub struct Name<'a> {
    text: Cow<'a, str>,
    hash: u32,
}

impl<'a> Name<'a> {
    /// The hash that the name was found under: that of [`hash`].
    #[inline]
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether it is `name`, whose hash is `hash`.
    #[inline]
    pub fn is(&self, name: &str, hash: u32) -> bool {
        self.hash == hash && **self == *name
    }

    /// The same name for as long as this one lives, without a copy of its text.
    #[inline]
    pub fn borrowed(&'a self) -> Self {
        Self {
            text: Cow::Borrowed(self),
            hash: self.hash,
        }
    }

    /// The same name, borrowing from nothing.
    pub fn into_owned(self) -> Name<'static> {
        Name {
            text: Cow::Owned(self.text.into_owned()),
            hash: self.hash,
        }
    }
}

impl Deref for Name<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => text,
        }
    }
}

impl<'a> From<Cow<'a, str>> for Name<'a> {
    #[inline]
    fn from(text: Cow<'a, str>) -> Self {
        let hash = hash(text.as_bytes());
        Self { text, hash }
    }
}

impl<'a> From<&'a str> for Name<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Cow::Borrowed(text).into()
    }
}

impl From<String> for Name<'_> {
    fn from(text: String) -> Self {
        Cow::<str>::Owned(text).into()
    }
}

impl PartialEq for Name<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.is(other, other.hash)
    }
}

impl PartialEq<str> for Name<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name<'_> {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
