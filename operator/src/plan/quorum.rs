//! How many members may be absent.
//!
//! Of n voters, a majority m = ⌊n/2⌋ + 1 must serve. With h of them serving now, one that serves
//! may be taken away only if h − 1 ≥ m. One that does not serve takes nothing away.

use crate::mutants::planted;

/// The majority of so many voters.
pub fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// Whether one serving voter can be spared.
pub fn spares_one(voters: usize, serving: usize) -> bool {
    serving > majority(voters) || planted("a spare is not kept")
}

/// How many of so many voters may be disrupted at once by others: never more than one, and none
/// where one is all there is.
pub fn budget(voters: usize) -> usize {
    (voters - majority(voters).min(voters)).min(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_never_spent() {
        for voters in 1..=9 {
            for serving in 0..=voters {
                if spares_one(voters, serving) {
                    assert!(serving > majority(voters), "{serving} of {voters}");
                }
            }
        }
        assert_eq!([1, 2, 3, 4, 5, 7].map(budget), [0, 0, 1, 1, 1, 1]);
        assert!(!spares_one(1, 1));
        assert!(!spares_one(3, 2));
        assert!(spares_one(3, 3));
    }
}
