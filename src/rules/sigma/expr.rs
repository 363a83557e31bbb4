//! Boolean trees over whatever a rule asks of an event.

/// A boolean tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr<L> {
    /// Known already.
    Const(bool),
    /// One question.
    Leaf(L),
    /// The opposite.
    Not(Box<Expr<L>>),
    /// All of them.
    All(Vec<Expr<L>>),
    /// At least one of them.
    Any(Vec<Expr<L>>),
}

impl<L> Expr<L> {
    /// The same tree with every leaf replaced; constants are folded on the way.
    pub fn map<M>(&self, leaf: &mut impl FnMut(&L) -> Expr<M>) -> Expr<M> {
        match self {
            Expr::Const(b) => Expr::Const(*b),
            Expr::Leaf(l) => leaf(l),
            Expr::Not(e) => negate(e.map(leaf)),
            Expr::All(list) => join(list.iter().map(|e| e.map(leaf)), true),
            Expr::Any(list) => join(list.iter().map(|e| e.map(leaf)), false),
        }
    }

    /// Calls `see` for every leaf, in order; `true` where it stands under an even number of negations.
    pub fn each<'e>(&'e self, see: &mut impl FnMut(&'e L, bool)) {
        self.walk(true, see);
    }

    fn walk<'e>(&'e self, positive: bool, see: &mut impl FnMut(&'e L, bool)) {
        match self {
            Expr::Const(_) => {}
            Expr::Leaf(l) => see(l, positive),
            Expr::Not(e) => e.walk(!positive, see),
            Expr::All(list) | Expr::Any(list) => {
                for e in list {
                    e.walk(positive, see);
                }
            }
        }
    }

    /// The truth of the tree.
    pub fn eval(&self, leaf: &mut impl FnMut(&L) -> bool) -> bool {
        match self {
            Expr::Const(b) => *b,
            Expr::Leaf(l) => leaf(l),
            Expr::Not(e) => !e.eval(leaf),
            Expr::All(list) => list.iter().all(|e| e.eval(leaf)),
            Expr::Any(list) => list.iter().any(|e| e.eval(leaf)),
        }
    }

    /// Number of leaves.
    pub fn len(&self) -> usize {
        let mut n = 0;
        self.each(&mut |_, _| n += 1);
        n
    }

    /// Whether there are no leaves.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The opposite of a tree.
pub fn negate<L>(e: Expr<L>) -> Expr<L> {
    match e {
        Expr::Const(b) => Expr::Const(!b),
        Expr::Not(inner) => *inner,
        e => Expr::Not(Box::new(e)),
    }
}

/// All (`and`) or any of the trees, flattened, constants folded.
pub fn join<L>(list: impl IntoIterator<Item = Expr<L>>, and: bool) -> Expr<L> {
    let mut out = Vec::new();
    for e in list {
        match e {
            Expr::Const(b) if b == and => {}
            Expr::Const(_) => return Expr::Const(!and),
            Expr::All(inner) if and => out.extend(inner),
            Expr::Any(inner) if !and => out.extend(inner),
            e => out.push(e),
        }
    }
    match out.len() {
        0 => Expr::Const(and),
        1 => out.pop().unwrap_or(Expr::Const(and)),
        _ if and => Expr::All(out),
        _ => Expr::Any(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_fold_and_lists_flatten() {
        let leaf = |n: u8| Expr::Leaf(n);
        assert_eq!(join([leaf(1), Expr::Const(false)], true), Expr::Const(false));
        assert_eq!(join([leaf(1), Expr::Const(true)], true), leaf(1));
        assert_eq!(
            join([leaf(1), join([leaf(2), leaf(3)], true)], true),
            Expr::All(vec![leaf(1), leaf(2), leaf(3)])
        );
        assert_eq!(negate(negate(leaf(1))), leaf(1));
        let tree = join([leaf(1), negate(leaf(2))], true);
        assert!(tree.eval(&mut |l| *l == 1));
        let gone: Expr<u8> = tree.map(&mut |l| if *l == 2 { Expr::Const(true) } else { Expr::Leaf(*l) });
        assert_eq!(gone, Expr::Const(false));
    }
}
