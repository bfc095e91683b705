//! The widest instruction set of this processor, chosen at run time.

/// A loop to be compiled once for each instruction set.
pub(crate) trait Work: Sized {
    /// What it computes.
    type Output;

    /// Does it. Must be `#[inline(always)]`, as must everything it calls in a loop: code that stays outside of the
    /// caller is compiled for the baseline.
    fn run(self) -> Self::Output;
}

/// Runs `work` as compiled for the widest instruction set that this processor has.
///
/// AVX-512 or AVX2 with fused multiplication and addition on x86-64; elsewhere the target's baseline, which on
/// 64-bit ARM has both vectors and fused operations.
pub(crate) fn widest<W: Work>(work: W) -> W::Output {
    by_avx512(work).or_else(by_avx2).unwrap_or_else(Work::run)
}

/// Runs `work` with AVX-512, or gives it back.
#[cfg(target_arch = "x86_64")]
fn by_avx512<W: Work>(work: W) -> Result<W::Output, W> {
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
    fn run<W: Work>(work: W) -> W::Output {
        work.run()
    }
    use std::arch::is_x86_feature_detected as has;
    if has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512vl") && has!("avx2") && has!("fma") {
        // SAFETY: the function needs the features just found, and nothing else; it is safe Rust inside.
        #[allow(unsafe_code)]
        return Ok(unsafe { run(work) });
    }
    Err(work)
}

/// Runs `work` with AVX2, or gives it back.
#[cfg(target_arch = "x86_64")]
fn by_avx2<W: Work>(work: W) -> Result<W::Output, W> {
    #[target_feature(enable = "avx2,fma")]
    fn run<W: Work>(work: W) -> W::Output {
        work.run()
    }
    use std::arch::is_x86_feature_detected as has;
    if has!("avx2") && has!("fma") {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        return Ok(unsafe { run(work) });
    }
    Err(work)
}

#[cfg(not(target_arch = "x86_64"))]
fn by_avx512<W: Work>(work: W) -> Result<W::Output, W> {
    Err(work)
}

#[cfg(not(target_arch = "x86_64"))]
fn by_avx2<W: Work>(work: W) -> Result<W::Output, W> {
    Err(work)
}

/// How many instruction sets there are.
#[cfg(test)]
pub(crate) const SETS: usize = 3;

/// Runs `work` as compiled for one of the [`SETS`]; `false`, and nothing done, if this processor does not have it.
#[cfg(test)]
pub(crate) fn on_set<W: Work<Output = ()>>(set: usize, work: W) -> bool {
    match set {
        0 => {
            work.run();
            true
        }
        1 => by_avx2(work).is_ok(),
        _ => by_avx512(work).is_ok(),
    }
}
