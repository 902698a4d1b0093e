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

/// Five minutes of quotes, ten a second, that go up and down by a tick.
fn quotes() -> String {
    let mut text = "timestamp,bid,bid_size,ask,ask_size\n".to_owned();
    let (mut state, mut bid) = (7_u64, 10_000_i64);
    for at in 0..3_000_i64 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bid += (state >> 40) as i64 % 3 - 1;
        let (ms, size) = (1_700_000_000_000 + at * 100, 1 + (state >> 50) % 9);
        let price = |ticks: i64| format!("{}.{:02}", ticks / 100, ticks % 100);
        text.push_str(&format!("{ms},{},{size},{},{size}\n", price(bid), price(bid + 1)));
    }
    text
}

/// A report of a run on books, written by the binary, and how long it is.
fn book_report(folder: &Path) -> (String, u64) {
    let (data, path) = (folder.join("quotes.csv"), folder.join("report.html"));
    std::fs::write(&data, quotes()).expect("a file can be written");
    let output = std::process::Command::new(qt_tests::binary())
        .args(["backtest", "--strategy", "top_of_book_quoter", "--account", "margin"])
        .args(["--leverage", "10", "--qty", "1", "--param", "max_position=5"])
        .args(["--order-latency", "5ms", "--bands", "--data"])
        .arg(&data)
        .arg("--report")
        .arg(&path)
        .env("QUANTTRADE_DATA_DIR", folder.join("data"))
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let length = std::fs::metadata(&path).expect("the report is there").len();
    (format!("file://{}", path.display()), length)
}

/// The depth view is drawn, follows its buttons and says where it is.
fn check_depth(width: u32, height: u32, is_dark: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (url, length) = book_report(folder.path());
    assert!(length < 5_000_000, "the page has {length} bytes");
    let mut browser = Browser::start(width, height);
    if is_dark {
        browser.prefer_dark();
    }
    browser.open(&url);
    let view = "document.querySelector('[data-depth]')";
    browser.wait_for(&format!("{view}.querySelectorAll('.heatmaplayer image').length === 1"));
    let shown_ms = |browser: &mut Browser| -> f64 {
        let ms = browser.eval(&format!("Number({view}.dataset.shownMs)"));
        ms.as_f64().expect("the view says how much it shows")
    };
    let whole = shown_ms(&mut browser);
    assert!((290_000.0..310_000.0).contains(&whole), "{whole} ms are shown at first");
    let marks = browser.eval(&format!("{view}.querySelectorAll('.points path').length"));
    assert!(marks.as_u64() > Some(0), "no fill is marked");
    browser.eval("document.querySelector('[data-act=next]').click()");
    browser.wait_for("document.querySelector('.where').textContent.includes('fill 1 of ')");
    let close = shown_ms(&mut browser);
    assert!((1_900.0..2_100.0).contains(&close), "{close} ms are shown around a fill");
    browser.eval("document.querySelector('[data-act=in]').click()");
    let closer = shown_ms(&mut browser);
    assert!((900.0..1_100.0).contains(&closer), "{closer} ms are shown after zooming in");
    browser.eval("document.querySelector('[data-act=all]').click()");
    assert!((shown_ms(&mut browser) - whole).abs() < 1.0);
    let markout = "document.querySelectorAll('[data-chart^=markout] .trace').length";
    assert!(browser.eval(markout).as_u64() > Some(0), "no markouts are drawn");
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert!(wide.as_u64() <= Some(u64::from(width)), "the page is {wide} wide on {width}");
    assert!(browser.errors().is_empty(), "{:?}", browser.errors());
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().unwrap_or_default().to_lowercase();
    for part in ["markouts", "pessimistic", "depth and fills", "slippage"] {
        assert!(text.contains(part), "the report does not speak of {part}");
    }
}

#[test]
fn the_depth_view_follows_its_buttons() {
    check_depth(1_280, 900, false);
}

#[test]
fn the_depth_view_fits_a_phone_in_the_dark() {
    check_depth(390, 844, true);
}
