//! Threads on cores: what is asked for, what comes of it, what is said.
#![cfg(not(loom))]

use qt_ring::{Cores, Pinning, Placement, PlacementError, Refusal, Seat, Wait};

fn any(thread: &'static str) -> Seat {
    Seat { thread, core: None }
}

fn on(thread: &'static str, core: usize) -> Seat {
    Seat { thread, core: Some(core) }
}

fn cores_of(placement: &Placement) -> Vec<Option<usize>> {
    placement.seats.iter().map(|seat| seat.core).collect()
}

#[test]
#[cfg_attr(miri, ignore = "no system calls")]
fn a_pinned_thread_may_use_its_core_only() {
    let cores = Cores::allowed();
    assert!(!cores.is_empty(), "Linux names its cores");
    let last = cores.list()[cores.len() - 1];
    let told = std::thread::spawn(move || (cores.pin(last), Cores::allowed()));
    assert_eq!(told.join().unwrap(), (Pinning::Pinned(last), Cores::of([last])));
}

#[test]
#[cfg_attr(miri, ignore = "no system calls")]
fn a_core_that_is_not_there_is_refused_with_those_that_are() {
    let cores = Cores::allowed();
    for core in [usize::MAX, 1 << 20, 1024] {
        let told = cores.pin(core);
        let allowed = cores.clone();
        assert_eq!(told, Pinning::Refused(Refusal::NotAllowed { core, allowed }));
        assert!(told.to_string().contains(&format!("it may use {cores}")), "{told}");
    }
    // One that is on no machine of today, but has a bit: the system itself says no.
    let told = Cores::of([1023]).pin(1023);
    assert!(matches!(told, Pinning::Refused(Refusal::System { core: 1023, .. })), "{told}");
}

#[test]
fn cores_are_written_as_taskset_writes_them() {
    assert_eq!(Cores::of([3, 0, 1, 2, 6, 6]).to_string(), "0-3,6");
    assert_eq!(Cores::of([5]).to_string(), "5");
    assert_eq!(Cores::of([]).to_string(), "none that the system names");
}

#[test]
fn threads_get_cores_from_the_last_to_the_first() {
    let wanted = [any("pipeline"), on("journal", 3), any("publisher")];
    let placed = Placement::new(&Cores::of(0..5), &wanted, None).unwrap();
    assert_eq!(cores_of(&placed), [Some(4), Some(3), Some(2)]);
    assert_eq!((placed.wait, placed.notes.len()), (Wait::Spin, 0));
}

#[test]
fn too_few_cores_are_told_and_nobody_spins() {
    let wanted = [any("pipeline"), any("journal"), any("publisher")];
    let placed = Placement::new(&Cores::of([0, 1]), &wanted, None).unwrap();
    assert_eq!(cores_of(&placed), [Some(1), Some(0), None]);
    assert_eq!(placed.wait, Wait::Park);
    assert_eq!(
        placed.notes,
        [
            "3 threads on 2 of the cores 0-1",
            "without a core of their own: publisher",
            "threads wait by park: there are too few cores to spin"
        ]
    );
    let placed = Placement::new(&Cores::of([0, 1]), &wanted, Some(Wait::Spin)).unwrap();
    assert_eq!(placed.wait, Wait::Spin, "what is set holds, and is warned of");
    assert!(placed.notes[2].contains("where park would fit"), "{:?}", placed.notes);
}

#[test]
fn each_a_core_but_none_left_is_no_place_to_spin() {
    let wanted = [any("pipeline"), any("journal")];
    let placed = Placement::new(&Cores::of([0, 1]), &wanted, None).unwrap();
    assert_eq!((placed.wait, placed.notes.len()), (Wait::Yield, 1));
}

#[test]
fn threads_that_share_a_named_core_are_told() {
    let wanted = [on("pipeline", 2), on("journal", 2)];
    let placed = Placement::new(&Cores::of(0..4), &wanted, None).unwrap();
    assert_eq!((cores_of(&placed), placed.wait), (vec![Some(2), Some(2)], Wait::Park));
    assert_eq!(placed.notes[1], "on core 2 together: pipeline, journal");
}

#[test]
fn a_named_core_that_is_not_there_is_an_error() {
    let cores = Cores::of([0, 1]);
    let error = Placement::new(&cores, &[any("a"), on("journal", 7)], None).unwrap_err();
    let want = PlacementError::NoSuchCore { thread: "journal", core: 7, allowed: cores };
    assert_eq!(error, want);
    assert_eq!(
        error.to_string(),
        "thread journal: core 7 is not there for this process; use one of 0-1"
    );
    let placed = Placement::new(&Cores::of([]), &[any("a")], None).unwrap();
    assert_eq!((cores_of(&placed), placed.wait), (vec![None], Wait::Park));
}
