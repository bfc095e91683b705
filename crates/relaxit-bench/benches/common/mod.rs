//! What every benchmark has.

// As the command `relaxit` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A shape as part of a benchmark's name, in which brackets would be a pattern: `128x20x10`.
#[allow(dead_code)] // not all of them have shapes
pub(crate) fn said<const D: usize>(shape: [usize; D]) -> String {
    shape.map(|n| n.to_string()).join("x")
}
