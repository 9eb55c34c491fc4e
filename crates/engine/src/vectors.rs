//! Which vector instructions loops over many numbers are compiled for: kernels here, and those of other rooms.

use std::sync::OnceLock;

/// The widest vectors that this processor has and kernels know. Others than the baseline are only made where the
/// processor was seen to have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vectors {
    /// What every processor of the architecture has.
    Baseline,
    /// 256 bits, and what came with them: bits counted and found in one step.
    #[cfg(target_arch = "x86_64")]
    Avx2(Seen),
    /// 512 bits, and masks.
    #[cfg(target_arch = "x86_64")]
    Avx512(Seen),
}

/// Proof that the processor was asked.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(());

/// Those that this program runs with.
static CHOSEN: OnceLock<Vectors> = OnceLock::new();

impl Vectors {
    /// The widest that the processor has, unless others were [chosen](Self::choose).
    pub fn detect() -> Self {
        *CHOSEN.get_or_init(|| Self::all().last().unwrap_or(Self::Baseline))
    }

    /// Has the whole program run with these: to the same bits, in another time. Says whether it still could be chosen:
    /// nothing may have run before.
    #[must_use]
    pub fn choose(self) -> bool {
        *CHOSEN.get_or_init(|| self) == self
    }

    /// What they are called: `baseline`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
        }
    }

    /// All that the processor has, the widest last.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
            let avx512 = has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512vl");
            [avx2.then_some(Self::Avx2(Seen(()))), (avx2 && avx512).then_some(Self::Avx512(Seen(())))]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let wide = [None];
        std::iter::once(Self::Baseline).chain(wide.into_iter().flatten())
    }
}

/// Calls a kernel as it was compiled for some [`Vectors`]: with the same operations in the same order, none fused, so
/// the bits are the same too.
///
/// The kernel must be `#[inline(always)]`, and so must everything large that it calls: what stays a function of its
/// own, such as a closure of many lines, is compiled for the baseline. Generic parameters stand in brackets. Where 512
/// bits want more symbols taken together, `kernel | wide_kernel` names another function for them, with the same
/// operations for each symbol.
#[macro_export]
macro_rules! compiled_for {
    ($vectors:expr, $kernel:ident [$($generics:tt)*] ($($argument:ident: $type:ty),* $(,)?)) => {
        $crate::compiled_for!($vectors, $kernel | $kernel [$($generics)*] ($($argument: $type),*))
    };
    ($vectors:expr, $kernel:ident | $wide:ident [$($generics:tt)*] ($($argument:ident: $type:ty),* $(,)?)) => {
        match $vectors {
            $crate::vectors::Vectors::Baseline => $kernel($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::vectors::Vectors::Avx2(_) => {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn with_avx2<$($generics)*>($($argument: $type),*) {
                    $kernel($($argument),*);
                }
                #[expect(unsafe_code, reason = "the one dispatch by processor feature")]
                // SAFETY: `Vectors::all` has seen that this processor has all five; the function needs nothing else.
                unsafe {
                    with_avx2($($argument),*);
                }
            }
            #[cfg(target_arch = "x86_64")]
            $crate::vectors::Vectors::Avx512(_) => {
                #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
                fn with_avx512<$($generics)*>($($argument: $type),*) {
                    $wide($($argument),*);
                }
                #[expect(unsafe_code, reason = "the one dispatch by processor feature")]
                // SAFETY: `Vectors::all` has seen that this processor has all eight; the function needs nothing else.
                unsafe {
                    with_avx512($($argument),*);
                }
            }
        }
    };
}
