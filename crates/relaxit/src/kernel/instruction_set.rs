//! The widest instruction set of this processor, chosen at run time.

/// A loop to be compiled once for each instruction set.
pub(crate) trait Work {
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
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512vl") && has!("fma") {
            // SAFETY: the function needs the features just found, and nothing else; it is safe Rust inside.
            #[allow(unsafe_code)]
            return unsafe { avx512(work) };
        }
        if has!("avx2") && has!("fma") {
            // SAFETY: as above.
            #[allow(unsafe_code)]
            return unsafe { avx2(work) };
        }
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run()
}
