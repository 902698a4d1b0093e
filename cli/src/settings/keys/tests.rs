use super::*;

#[test]
fn names_are_unique_and_found() {
    for (at, key) in KEYS.iter().enumerate() {
        assert!(KEYS[at + 1..].iter().all(|other| other.name != key.name), "{}", key.name);
        assert_eq!(find(key.name).unwrap().name, key.name);
    }
    assert_eq!(find("fee_rate").unwrap().name, "fee-rate");
    assert_eq!(find("fee-rate").unwrap().variable(), "QUANTTRADE_FEE_RATE");
    let known = EXCLUSIVE.iter().flat_map(|group| group.iter()).copied();
    let pairs = CONFLICTS.iter().flat_map(|(a, b)| [*a, *b]);
    assert!(known.chain(pairs).all(|name| find(name).is_some()));
}
