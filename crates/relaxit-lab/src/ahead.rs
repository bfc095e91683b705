//! Making the next thing while the present one is in use.

use std::sync::mpsc;
use std::thread;

/// Gives `consume` the `items` in their order; another thread makes them, one or two ahead.
///
/// What an item is must not depend on when it is made: then nothing else does.
///
/// # Panics
/// If making an item, or `consume`, panics.
///
/// # Examples
/// ```
/// let sum = relaxit_lab::ahead::ahead((1..=4).map(|x| x * x), |squares| squares.sum::<i32>());
/// assert_eq!(sum, 30);
/// ```
pub fn ahead<T: Send, R>(
    items: impl Iterator<Item = T> + Send,
    consume: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for item in items {
                // Whoever consumed them wants no more.
                if sender.send(item).is_err() {
                    break;
                }
            }
        });
        consume(&mut receiver.into_iter())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn items_come_in_order_and_only_a_few_ahead() {
        let made = AtomicUsize::new(0);
        let items = (0..100).inspect(|_| {
            made.fetch_add(1, Ordering::SeqCst);
        });
        ahead(items, |items| {
            for (expected, item) in items.enumerate() {
                assert_eq!(item, expected);
                let ahead = made.load(Ordering::SeqCst) - item;
                assert!(ahead <= 3, "{ahead}");
            }
        });
        assert_eq!(made.into_inner(), 100);
    }

    #[test]
    fn what_is_not_wanted_is_not_made() {
        let first: Vec<u64> = ahead(0.., |items| items.take(3).collect());
        assert_eq!(first, [0, 1, 2]);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn items_that_fail_are_not_the_end_of_the_list() {
        ahead((0..5).inspect(|&x| assert!(x < 3)), |items| drop(items.collect::<Vec<_>>()));
    }
}
