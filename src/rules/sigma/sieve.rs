//! Which numbers and addresses any question about a field may answer with yes. All others are alike: one of them stands for the
//! rest, so that only few are put into words and looked at.

use std::collections::HashSet;

use ahash::RandomState;

use super::access::Access;
use super::cidr::Net;
use super::pattern::Part;
use super::program::seeds;
use super::question::Question;
use crate::base::bits::Bits;
use crate::base::ip::{self, Ip};

/// Numbers below this have a bit of their own.
const SMALL: i64 = 1 << 16;
/// Bits over the ends of addresses.
const TAILS: u64 = 1 << 12;

/// What questions about a column of numbers or addresses ask for.
#[derive(Debug)]
pub enum Sieve {
    /// Numbers.
    Numbers(Numbers),
    /// Addresses.
    Addresses(Addresses),
}

/// Some numbers.
#[derive(Debug)]
pub struct Numbers {
    small: Bits,
    large: HashSet<i64, RandomState>,
}

/// Some addresses and networks.
#[derive(Debug)]
pub struct Addresses {
    /// A bit for the last twelve bits of each address.
    tails: Bits,
    exact: HashSet<Ip, RandomState>,
    nets: Vec<Net>,
}

impl Sieve {
    /// Of the questions about a column; `None` where one of them asks for more than whole numbers, addresses or networks.
    pub fn of<'q>(access: &Access, questions: impl Iterator<Item = &'q Question>) -> Option<Self> {
        match access {
            Access::Int(_) => Numbers::of(questions).map(Self::Numbers),
            Access::Ip(_) => Addresses::of(questions).map(Self::Addresses),
            _ => None,
        }
    }

    /// Whether a number is asked for.
    #[inline]
    pub fn has_number(&self, n: i64) -> bool {
        match self {
            Self::Numbers(asked) => asked.has(n),
            Self::Addresses(_) => true,
        }
    }

    /// Whether an address, by its bytes, is asked for.
    #[inline]
    pub fn has_address(&self, bytes: &[u8]) -> bool {
        match (self, bytes.try_into()) {
            (Self::Addresses(asked), Ok(address)) => asked.has(address),
            _ => true,
        }
    }
}

impl Numbers {
    fn of<'q>(questions: impl Iterator<Item = &'q Question>) -> Option<Self> {
        let mut out = Self {
            small: Bits::default(),
            large: HashSet::with_hasher(seeds()),
        };
        for q in questions {
            let text = whole(q)?;
            // What is no number is never equal to one.
            let number = text.parse::<i64>().or_else(|_| text.parse::<u64>().map(|n| n as i64));
            let Ok(n) = number else { continue };
            match (0..SMALL).contains(&n) {
                true => out.small.set(n as u64),
                false => {
                    out.large.insert(n);
                }
            }
        }
        Some(out)
    }

    #[inline]
    fn has(&self, n: i64) -> bool {
        match (0..SMALL).contains(&n) {
            true => self.small.get(n as u64),
            false => self.large.contains(&n),
        }
    }
}

impl Addresses {
    fn of<'q>(questions: impl Iterator<Item = &'q Question>) -> Option<Self> {
        let mut out = Self {
            tails: Bits::default(),
            exact: HashSet::with_hasher(seeds()),
            nets: Vec::new(),
        };
        for q in questions {
            if let Question::Cidr(net) = q {
                out.nets.push(*net);
                continue;
            }
            // What is no address is never equal to one.
            if let Some(address) = ip::parse(whole(q)?) {
                out.tails.set(tail(&address));
                out.exact.insert(address);
            }
        }
        Some(out)
    }

    #[inline]
    fn has(&self, address: &Ip) -> bool {
        self.tails.get(tail(address)) && self.exact.contains(address) || self.nets.iter().any(|n| n.holds(address))
    }
}

/// The whole text that a question wants.
fn whole(question: &Question) -> Option<&str> {
    match question {
        Question::Text { pattern, .. } => match pattern.parts() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn tail(address: &Ip) -> u64 {
    let [.., high, low] = *address;
    (u64::from(high) << 8 | u64::from(low)) % TAILS
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;
    use proptest::prelude::*;

    fn text(pattern: &str) -> Question {
        Question::Text {
            pattern: Pattern::parse(pattern).lower(),
            cased: false,
        }
    }

    #[test]
    fn what_is_not_whole_has_no_sieve() {
        let addresses = |q: &[Question]| Addresses::of(q.iter()).is_some();
        assert!(addresses(&[text("10.0.0.1"), text("host"), text("")]));
        assert!(!addresses(&[text("10.0.0.1"), text("10.*")]));
        assert!(Numbers::of([text("1"), text("4?")].iter()).is_none());
        let other = Question::Number(super::super::question::Compare::Less, 5.0);
        assert!(Numbers::of([other].iter()).is_none());
    }

    proptest! {
        #[test]
        fn every_number_that_a_question_means_is_asked_for(wanted in prop::collection::vec(any::<i64>(), 0..8), n in any::<i64>()) {
            let mut questions: Vec<Question> = wanted.iter().map(|n| text(&n.to_string())).collect();
            questions.push(text(&(n as u64 % 70_000).to_string()));
            let sieve = Numbers::of(questions.iter()).unwrap();
            for n in wanted.iter().chain([&n, &(n % 70_000), &(n as u64 % 70_000).cast_signed()]) {
                let said = n.to_string();
                let meant = questions.iter().any(|q| q.matches(&said, &said));
                prop_assert_eq!(sieve.has(*n), meant);
            }
        }

        #[test]
        fn every_address_that_a_question_means_is_asked_for(
            wanted in prop::collection::vec(any::<[u8; 4]>(), 0..8), net in any::<[u8; 4]>(), bits in 8u8..=32, other in any::<[u8; 4]>()
        ) {
            let said = |a: &[u8; 4]| std::net::Ipv4Addr::from(*a).to_string();
            let mut questions: Vec<Question> = wanted.iter().map(|a| text(&said(a))).collect();
            questions.push(Question::Cidr(Net::parse(&format!("{}/{bits}", said(&net))).unwrap()));
            questions.push(text("fe80::1"));
            let sieve = Addresses::of(questions.iter()).unwrap();
            for address in wanted.iter().chain([&net, &other]) {
                let address = said(address);
                let meant = questions.iter().any(|q| q.matches(&address, &address));
                prop_assert_eq!(sieve.has(&ip::parse(&address).unwrap()), meant);
            }
            prop_assert!(sieve.has(&ip::parse("FE80::0001").unwrap()));
        }
    }
}
