//! `record`: what is wrong with how it is called, and a venue that is not there.

mod common;

use common::Sandbox;

#[test]
fn what_cannot_be_recorded_is_told() {
    let sandbox = Sandbox::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let url = format!("http://{address}");
    let all = ["record", "--symbols", "BTCUSDT", "--out", "market.jsonl"];
    for (more, code, said) in [
        (&["--venue", "nowhere"][..], 2, "Known: binance-spot, binance-usdm"),
        (&["--venue-url", "127.0.0.1:9"], 2, "does not begin with http"),
        (&["--for", "0"], 2, "--for"),
        (&["--for", "soon"], 2, "is no length of time"),
        (&["--ca", "missing.pem"], 2, "missing.pem"),
        (&["--ca", "Cargo.toml", "--venue-url", &url], 2, "Cargo.toml"),
        (&["--venue-url", &url], 1, "does not say what it lists"),
    ] {
        let words: Vec<&str> = all.iter().chain(more).copied().collect();
        let ended = sandbox.run(&words);
        assert_eq!(ended.code, code, "{more:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{more:?}: {}", ended.err);
    }
    assert_eq!(sandbox.files(), Vec::<String>::new(), "nothing was begun");
    sandbox.write("authority.pem", "no certificate");
    let words = [&all[..], &["--ca", "authority.pem", "--venue-url", &url]].concat();
    let ended = sandbox.run(&words);
    assert!(ended.code == 2 && ended.err.contains("certificate authority"), "{}", ended.err);
}
