/// Deletes up to `limit` of the entries that `is_expired` selects. Returns how many.
pub(super) fn delete_expired<T>(
    mut retain: impl FnMut(&mut dyn FnMut(&T) -> bool),
    is_expired: impl Fn(&T) -> bool,
    limit: u32,
) -> u64 {
    let mut left = u64::from(limit);
    retain(&mut |entry| {
        let goes = left > 0 && is_expired(entry);
        left -= u64::from(goes);
        !goes
    });
    u64::from(limit) - left
}
