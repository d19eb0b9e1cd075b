//! The working memory of argon2, reused per thread.

use core::cell::RefCell;

use argon2::Block;
use doorward_domain::password::HashError;

thread_local! {
    /// Reused between hashes: mapping and clearing fresh pages is a considerable part of the cost of a hash.
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` on `count` blocks of this thread's memory, and keeps at most `keep` blocks afterwards.
///
/// A stored digest may need more memory than configured. The excess is freed, so that the process holds at most the
/// configured memory per hashing thread.
///
/// The content of the blocks remains until the next hash overwrites it or [`clear`] is called.
pub(crate) fn with_blocks<T>(
    count: usize,
    keep: usize,
    work: impl FnOnce(&mut [Block]) -> T,
) -> Result<T, HashError> {
    BLOCKS.with_borrow_mut(|blocks| {
        let missing = count.saturating_sub(blocks.len());
        blocks
            .try_reserve_exact(missing)
            .map_err(|error| HashError(format!("not enough memory: {error}")))?;
        blocks.resize(count.max(blocks.len()), Block::new());
        let (used, _) = blocks.split_at_mut(count);
        let result = work(used);
        if blocks.len() > keep {
            blocks.truncate(keep);
            blocks.shrink_to_fit();
        }
        Ok(result)
    })
}

/// Overwrites this thread's memory with zeros. Called when the thread becomes idle.
///
/// From the first block of a lane, which can be computed from the others, a candidate password can be checked with two
/// Blake2b hashes instead of a full argon2 run. So memory that may leak (a core dump, a swapped page) must not contain blocks
/// of a password that was verified some time ago. Clearing between two consecutive hashes would cost about 7 % of a hash and
/// gain nothing, because the memory then always contains the blocks of a current password.
pub(crate) fn clear() {
    BLOCKS.with_borrow_mut(|blocks| blocks.fill(Block::new()));
}

/// The number of blocks this thread keeps.
#[cfg(test)]
pub(crate) fn held() -> usize {
    BLOCKS.with_borrow(Vec::capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_beyond_the_limit_is_freed() {
        with_blocks(10, 64, |blocks| assert_eq!(blocks.len(), 10)).unwrap();
        assert_eq!(held(), 10);
        with_blocks(1000, 64, |blocks| assert_eq!(blocks.len(), 1000)).unwrap();
        assert_eq!(held(), 64);
        with_blocks(20, 64, |blocks| assert_eq!(blocks.len(), 20)).unwrap();
        assert_eq!(held(), 64);
    }

    #[test]
    fn clear_overwrites_all_blocks() {
        let fill = |blocks: &mut [Block]| {
            blocks.fill_with(|| {
                let mut block = Block::new();
                block.as_mut().fill(7);
                block
            });
        };
        with_blocks(4, 8, fill).unwrap();
        clear();
        with_blocks(8, 8, |blocks| {
            assert!(
                blocks
                    .iter()
                    .all(|block| block.as_ref().iter().all(|word| *word == 0))
            );
        })
        .unwrap();
    }

    #[test]
    fn a_failed_allocation_is_an_error() {
        assert!(with_blocks(usize::MAX / 2048, 8, |_| ()).is_err());
    }
}
