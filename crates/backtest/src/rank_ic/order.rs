//! Ranking the symbols of a row.

use engine::rising_bits;

/// Symbols of one row, sorted by value.
///
/// A key packs as many leading bits of a value as fit above the symbol's index, so that plain integers are sorted; the
/// few neighbours that the cut bits made equal are settled by their full values.
#[derive(Debug, Default)]
pub(super) struct Order {
    keys: Vec<u64>,
    kept: usize,
    index_mask: u64,
}

impl Order {
    /// Takes the symbols whose value is not NaN and which are wanted, and returns their number.
    #[inline]
    pub(super) fn fill(&mut self, values: &[f64], wanted: impl Fn(usize) -> bool) -> usize {
        let last = values.len().saturating_sub(1) as u64;
        self.index_mask = u64::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        self.keys.clear();
        self.keys.resize(values.len(), 0);
        self.kept = 0;
        for (symbol, &value) in values.iter().enumerate() {
            // Written first and kept after: missing values come in no pattern that a branch could learn.
            self.keys[self.kept] = (rising_bits(value) & !self.index_mask) | symbol as u64;
            self.kept += usize::from(!value.is_nan() & wanted(symbol));
        }
        self.kept
    }

    /// The symbols taken, in the present order of the keys.
    pub(super) fn members(&self) -> Members<'_> {
        Members { keys: self.keys[..self.kept].iter(), index_mask: self.index_mask }
    }

    /// Sorts the symbols taken and shows each group of equal values to `visit`, lowest first: twice the group's average
    /// rank, counted from 1, and its symbols. Returns the sum of squares of the doubled ranks around their mean.
    #[inline]
    pub(super) fn for_each_tie(&mut self, values: &[f64], mut visit: impl FnMut(u32, Members<'_>)) -> i64 {
        let index_mask = self.index_mask;
        let keys = &mut self.keys[..self.kept];
        keys.sort_unstable();
        let mut sum_of_squares = squares(keys.len());
        let mut start = 0;
        while start < keys.len() {
            let head = keys[start] & !index_mask;
            if keys.get(start + 1).is_none_or(|next| next & !index_mask != head) {
                visit(2 * (start as u32 + 1), Members { keys: keys[start..=start].iter(), index_mask });
                start += 1;
                continue;
            }
            let end = start + 1 + keys[start + 1..].iter().take_while(|key| **key & !index_mask == head).count();
            settle(&mut keys[start..end], values, index_mask);
            while start < end {
                let value = values[(keys[start] & index_mask) as usize];
                let rest = keys[start + 1..end].iter();
                let ties = 1 + rest.take_while(|key| values[(**key & index_mask) as usize] == value).count();
                sum_of_squares -= squares(ties);
                let members = Members { keys: keys[start..start + ties].iter(), index_mask };
                visit((2 * start + ties + 1) as u32, members);
                start += ties;
            }
        }
        sum_of_squares
    }

    /// Writes twice the average rank of each symbol taken, counted from 1, and returns the sum of squares of the doubled
    /// ranks around their mean. Other symbols' entries stay as they are.
    pub(super) fn rank(&mut self, values: &[f64], doubled: &mut [u32]) -> i64 {
        self.for_each_tie(values, |rank, members| members.for_each(|symbol| doubled[symbol] = rank))
    }
}

/// Symbols behind keys.
#[derive(Debug, Clone)]
pub(super) struct Members<'a> {
    keys: std::slice::Iter<'a, u64>,
    index_mask: u64,
}

impl Iterator for Members<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.keys.next().map(|key| (key & self.index_mask) as usize)
    }
}

/// Sum of squares of `n` doubled ranks around their mean, where none are tied. A group of `n` ties takes as much away.
fn squares(n: usize) -> i64 {
    let n = n as i64;
    (n * n * n - n) / 3
}

/// Orders keys whose leading bits are equal by their full values.
#[cold]
fn settle(keys: &mut [u64], values: &[f64], index_mask: u64) {
    let value = |key: &u64| values[(key & index_mask) as usize];
    let first = value(&keys[0]);
    if keys.iter().any(|key| value(key) != first) {
        keys.sort_unstable_by(|a, b| rising_bits(value(a)).cmp(&rising_bits(value(b))).then(a.cmp(b)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{any_row, slow_ranks};
    use super::*;

    proptest! {
        #[test]
        fn ranks_are_exact(row in any_row(40)) {
            let mut order = Order::default();
            let mut doubled = vec![0; row.len()];
            let n = order.fill(&row, |_| true);
            let sum_of_squares = order.rank(&row, &mut doubled);
            let present: Vec<f64> = row.iter().copied().filter(|value| !value.is_nan()).collect();
            let got: Vec<f64> = doubled.iter().filter(|rank| **rank != 0).map(|rank| f64::from(*rank) / 2.0).collect();
            prop_assert_eq!(&got, &slow_ranks(&present));
            let squares = got.iter().map(|rank| (2.0 * rank - (n as f64 + 1.0)).powi(2)).sum::<f64>();
            prop_assert_eq!(sum_of_squares as f64, squares);
        }

        #[test]
        fn bits_rise_with_values(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(rising_bits(a).cmp(&rising_bits(b)), a.partial_cmp(&b).unwrap());
        }
    }
}
