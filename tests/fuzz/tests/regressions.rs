//! What was once wrong stays right, and the first cases of every target are.

use qt_fuzz::cases::Cases;
use qt_fuzz::regressions;
use qt_fuzz::target::TARGETS;

const CASES: u64 = 300;

#[test]
fn inputs_that_were_once_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("AAPL_2012-06-21");
    for target in TARGETS {
        for file in regressions::of(target.name) {
            let bytes = std::fs::read(&file).unwrap();
            let begin = std::time::Instant::now();
            (target.run)(&bytes, &path);
            let took = begin.elapsed();
            assert!(took.as_secs() < 5, "{}: {took:?}", file.display());
        }
    }
}

#[test]
fn the_first_cases_of_every_target() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("AAPL_2012-06-21");
    for target in TARGETS {
        let cases = Cases::new(target, 7);
        for index in 0..CASES {
            (target.run)(&cases.bytes(index), &path);
        }
    }
}
