//! Opens a report in a real browser: the charts are drawn, nothing is asked from the network,
//! nothing overflows, at desktop and at phone width.

use std::path::Path;

use qt_tests::browser::Browser;

/// A report of the bundled data, written by the binary.
fn report(folder: &Path) -> String {
    let path = folder.join("report.html");
    let output = std::process::Command::new(qt_tests::binary())
        .args(["demo", "--report"])
        .arg(&path)
        .env("QUANTTRADE_DATA_DIR", folder.join("data"))
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("file://{}", path.display())
}

fn check(width: u32, height: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = report(folder.path());
    let mut browser = Browser::start(width, height);
    browser.open(&url);
    browser.wait_for("document.querySelectorAll('.main-svg').length >= 5");
    let drawn = browser.eval("document.querySelectorAll('.js-plotly-plot').length");
    assert!(drawn.as_u64() >= Some(5), "only {drawn} charts are drawn");
    let traces = browser.eval("document.querySelectorAll('.trace').length");
    assert!(traces.as_u64() >= Some(5), "only {traces} traces are drawn");
    let foreign: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !["file:", "data:", "blob:"].iter().any(|own| url.starts_with(own)))
        .collect();
    assert!(foreign.is_empty(), "the report asked the network for {foreign:?}");
    assert!(browser.errors().is_empty(), "{:?}", browser.errors());
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert!(wide.as_u64() <= Some(u64::from(width)), "the page is {wide} wide on {width}");
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().unwrap_or_default().to_lowercase();
    for part in ["sharpe", "drawdown", "monthly", "quanttrade", "sha"] {
        assert!(text.contains(part), "the report does not speak of {part}");
    }
}

#[test]
fn the_report_is_whole_on_a_desktop() {
    check(1_280, 900);
}

#[test]
fn the_report_is_whole_on_a_phone() {
    check(390, 844);
}
