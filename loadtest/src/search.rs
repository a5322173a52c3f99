//! The most of something that still is good enough, found in few tries. Pure.

/// The answer is this close, as a ratio.
const CLOSE: f64 = 1.07;
/// Below this nothing is worth a try.
const LEAST: f64 = 1.0;

/// The largest rate that `holds`, from `start` on: doubled or halved, and then between the last two. `None`: not even 1.
///
/// # Errors
///
/// The first of a try.
pub fn most<E>(start: f64, mut holds: impl FnMut(f64) -> Result<bool, E>) -> Result<Option<f64>, E> {
    let (mut good, mut bad) = (None, None);
    let mut rate = start.max(LEAST);
    loop {
        if holds(rate)? {
            good = Some(rate);
        } else {
            bad = Some(rate);
        }
        rate = match (good, bad) {
            (Some(good), Some(bad)) if bad / good <= CLOSE => return Ok(Some(good)),
            (Some(good), Some(bad)) => (good * bad).sqrt(),
            (Some(good), None) => good * 2.0,
            (None, Some(bad)) if bad <= LEAST => return Ok(None),
            (None, Some(bad)) => (bad / 2.0).max(LEAST),
            (None, None) => return Ok(None),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_close_from_anywhere(truth in 1.0f64..100_000.0, start in 1.0f64..10_000.0) {
            let mut tries = 0;
            let holds = |rate| { tries += 1; Ok::<_, Infallible>(rate <= truth) };
            let Ok(found) = most(start, holds);
            let found = found.unwrap();
            prop_assert!(found <= truth && truth / found <= CLOSE + 1e-9, "{} {}", found, truth);
            prop_assert!(tries < 25, "{}", tries);
        }
    }

    #[test]
    fn nothing_holds() {
        let Ok(found) = most(16.0, |_| Ok::<_, Infallible>(false));
        assert_eq!(found, None);
    }
}
