//! Which vector instructions loops over many numbers are compiled for: kernels here, and those of other rooms.

/// The widest vectors that this processor has and kernels know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vectors {
    /// What every processor of the architecture has.
    Baseline,
    /// 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Vectors {
    /// Asks the processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Baseline
    }
}

/// Calls a kernel as it was compiled for some [`Vectors`]: with the same operations in the same order, none fused, so
/// the bits are the same too.
///
/// The kernel must be `#[inline(always)]`, and so must everything large that it calls: what stays a function of its
/// own, such as a closure of many lines, is compiled for the baseline. Generic parameters stand in brackets.
#[macro_export]
macro_rules! compiled_for {
    ($vectors:expr, $kernel:ident [$($generics:tt)*] ($($argument:ident: $type:ty),* $(,)?)) => {
        match $vectors {
            $crate::vectors::Vectors::Baseline => $kernel($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::vectors::Vectors::Avx2 => {
                #[target_feature(enable = "avx2")]
                fn with_avx2<$($generics)*>($($argument: $type),*) {
                    $kernel($($argument),*);
                }
                #[expect(unsafe_code, reason = "the one dispatch by processor feature")]
                // SAFETY: `Vectors::detect` has seen that this processor has AVX2; the function needs nothing else.
                unsafe {
                    with_avx2($($argument),*);
                }
            }
        }
    };
}
