//! What the command line says instead of a configuration.

/// Replaces `slot` by the option, if it was given.
pub(super) fn set<T: Clone>(slot: &mut T, option: Option<&T>) {
    if let Some(value) = option {
        slot.clone_from(value);
    }
}

/// Replaces a size by the option, if it was given.
pub(super) fn set_size(slot: &mut usize, option: Option<u64>) {
    // The parser has bounded every size well below `usize::MAX`.
    set(slot, option.and_then(|size| usize::try_from(size).ok()).as_ref());
}
