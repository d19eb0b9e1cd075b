//! The memory that argon2 fills, kept by each thread.

use core::cell::RefCell;

use argon2::Block;
use doorward_domain::password::HashError;

thread_local! {
    /// Reused from hash to hash: having the operating system map and clear fresh pages costs a good part of a hash.
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` on `count` blocks of this thread's memory, and keeps at most `keep` of them afterwards.
///
/// A stored digest may need more memory than is configured; that is given back, so that what the process holds stays
/// bounded by the configured memory times the threads that hash.
///
/// What the blocks hold afterwards is for the next hash to overwrite, or for [`clear`] when there is none.
pub(crate) fn with_blocks<T>(
    count: usize,
    keep: usize,
    work: impl FnOnce(&mut [Block]) -> T,
) -> Result<T, HashError> {
    BLOCKS.with_borrow_mut(|blocks| {
        let missing = count.saturating_sub(blocks.len());
        blocks
            .try_reserve_exact(missing)
            .map_err(|error| HashError(format!("no memory: {error}")))?;
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

/// Clears this thread's memory.
///
/// From the first block of a lane, which can be worked out from the others, a guess can be checked with two Blake2b hashes
/// instead of the whole of argon2: memory that is read by somebody (a core dump, a swapped page) must not still hold the
/// blocks of a password that was verified some time ago. A thread that goes from hash to hash need not clear in between:
/// it would cost about a fifteenth of each, and there is always one that is being verified.
pub(crate) fn clear() {
    BLOCKS.with_borrow_mut(|blocks| blocks.fill(Block::new()));
}

/// How many blocks this thread holds.
#[cfg(test)]
pub(crate) fn held() -> usize {
    BLOCKS.with_borrow(Vec::capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_beyond_what_is_kept_is_given_back() {
        with_blocks(10, 64, |blocks| assert_eq!(blocks.len(), 10)).unwrap();
        assert_eq!(held(), 10);
        with_blocks(1000, 64, |blocks| assert_eq!(blocks.len(), 1000)).unwrap();
        assert_eq!(held(), 64);
        with_blocks(20, 64, |blocks| assert_eq!(blocks.len(), 20)).unwrap();
        assert_eq!(held(), 64);
    }

    #[test]
    fn nothing_of_a_password_stays_behind_a_thread_that_rests() {
        let soil = |blocks: &mut [Block]| {
            blocks.fill_with(|| {
                let mut block = Block::new();
                block.as_mut().fill(7);
                block
            });
        };
        with_blocks(4, 8, soil).unwrap();
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
    fn memory_that_cannot_be_had_is_an_error() {
        assert!(with_blocks(usize::MAX / 2048, 8, |_| ()).is_err());
    }
}
