use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use qt_risk::{
    ArmRefusal, ControlAction, KillBoard, KillDesk, KillState, Level, Person, Request, Target,
    TenantOf,
};
use qt_types::Nanos;

use super::*;

const CHILD: &str = "QT_CONTROL_LOG_CHILD";
const WAIT_NS: i64 = 1_000;
const ANNA: Person = Person { id: 1, session: 10, tenant: None };
const BERT: Person = Person { id: 2, session: 20, tenant: None };
const ACCOUNT: Target = Target::new(Level::Account, 0);

fn desk(path: &Path) -> KillDesk<ControlFile> {
    let (file, events) = ControlFile::open(path).unwrap();
    let tenant_of = TenantOf { strategies: vec![0], accounts: vec![0, 1] };
    let mut desk = KillDesk::new(KillBoard::new(1, 2, 2, 1), tenant_of, WAIT_NS, file);
    desk.recover(&events);
    desk
}

fn by(person: Person, target: Target, at_ns: i64) -> Request<'static> {
    Request { target, person, at_ns: Nanos::new(at_ns), reason: "looked at", ticket: "T-9" }
}

/// The bytes of a log of a trip, a refusal and a request, and where its frames begin.
fn some() -> (Vec<u8>, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.log");
    let mut desk = desk(&path);
    let mut ends = vec![0];
    let mut note = || ends.push(std::fs::metadata(&path).unwrap().len() as usize);
    desk.trip(&by(ANNA, ACCOUNT, 1), KillState::Halted).unwrap();
    note();
    desk.arm(&Request { ticket: "", ..by(ANNA, ACCOUNT, 2) }).unwrap_err();
    note();
    desk.arm(&by(Person { tenant: Some(0), ..ANNA }, ACCOUNT, 3)).unwrap();
    note();
    drop(desk);
    (std::fs::read(&path).unwrap(), ends)
}

#[test]
fn entries_read_back_as_they_were_written() {
    let (bytes, ends) = some();
    let (events, whole) = read(&bytes).unwrap();
    assert_eq!((events.len(), whole), (3, bytes.len()));
    let actions: Vec<ControlAction> = events.iter().map(|event| event.action).collect();
    let why = ArmRefusal::ReasonMissing;
    let trip = ControlAction::Trip { state: KillState::Halted };
    assert_eq!(actions, [trip, ControlAction::Refused { why }, ControlAction::ArmRequested]);
    assert_eq!(events[2].person.tenant, Some(0));
    assert_eq!((&*events[0].reason, &*events[0].ticket), ("looked at", "T-9"));
    assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(ends.len(), 4);
}

#[test]
fn a_torn_end_is_cut_wherever_it_was_torn() {
    let (bytes, ends) = some();
    for kept in 0..=bytes.len() {
        let (events, whole) = read(&bytes[..kept]).unwrap();
        let want = ends.iter().filter(|&&end| end > 0 && end <= kept).count();
        assert_eq!((events.len(), whole), (want, ends[want]), "{kept} bytes");
        // The file got its length, but not all of what belongs there.
        let mut torn = bytes[..kept].to_vec();
        let end = ends.iter().copied().find(|&end| end >= kept).unwrap();
        torn.resize(end, 0);
        let (events, whole) = read(&torn).unwrap();
        assert_eq!((events.len(), whole), (want, ends[want]), "{kept} bytes, then zeros");
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let (bytes, _) = some();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "bit {bit} of {}", bytes.len() * 8);
    }
    let mut lost = bytes.clone();
    let (_, ends) = some();
    lost.drain(ends[1]..ends[2]);
    let (_, what) = read(&lost).unwrap_err();
    assert!(what.contains("entry 3 stands where 2 should"), "{what}");
}

#[test]
fn one_program_at_a_time_and_a_cut_end_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.log");
    let (bytes, ends) = some();
    std::fs::write(&path, &bytes[..ends[2] + 9]).unwrap();
    let mut desk = desk(&path);
    assert!(matches!(ControlFile::open(&path), Err(ControlLogError::InUse { .. })));
    assert_eq!(desk.board().state(ACCOUNT), KillState::Halted);
    let event = desk.trip(&by(ANNA, Target::GLOBAL, 9), KillState::Halted).unwrap();
    assert_eq!(event.number, 3);
    drop(desk);
    let (_, events) = ControlFile::open(&path).unwrap();
    assert_eq!(events.len(), 3);
    std::fs::write(&path, [&bytes[..20], b"?", &bytes[21..]].concat()).unwrap();
    let error = ControlFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("control.log: damaged at byte 0"), "{error}");
}

/// B12 in process: the second person has to be one, also after a restart.
#[test]
fn after_a_restart_it_is_still_killed_and_four_ways_back_are_shut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.log");
    desk(&path).trip(&by(ANNA, ACCOUNT, 1), KillState::Halted).unwrap();
    let refused = |second: Request<'_>| {
        let mut desk = desk(&path);
        assert_eq!(desk.board().state(ACCOUNT), KillState::Halted);
        desk.arm(&by(ANNA, ACCOUNT, 10)).unwrap();
        let why = desk.arm(&second).unwrap_err();
        assert_eq!(desk.board().state(ACCOUNT), KillState::Halted);
        why
    };
    let other_session = Person { session: 99, ..ANNA };
    let same_token = Person { session: ANNA.session, ..BERT };
    let other_tenant = Person { tenant: Some(1), ..BERT };
    assert_eq!(refused(by(other_session, ACCOUNT, 11)), ArmRefusal::SamePerson);
    assert_eq!(refused(by(same_token, ACCOUNT, 11)), ArmRefusal::SameSession);
    assert_eq!(refused(by(BERT, ACCOUNT, 11 + WAIT_NS)), ArmRefusal::Expired);
    assert_eq!(refused(by(other_tenant, ACCOUNT, 11)), ArmRefusal::WrongTenant);
    let mut armed = desk(&path);
    armed.arm(&by(ANNA, ACCOUNT, 10)).unwrap();
    drop(armed);
    let mut armed = desk(&path);
    assert_eq!(armed.arm(&by(BERT, ACCOUNT, 11)).unwrap().action, ControlAction::ArmRequested);
    armed.arm(&by(ANNA, ACCOUNT, 12)).unwrap();
    drop(armed);
    assert_eq!(desk(&path).board().state(ACCOUNT), KillState::Active, "two persons did it");
    // Who, why and with which ticket is on record, the refusals too.
    let (_, events) = ControlFile::open(&path).unwrap();
    let refusals =
        events.iter().filter(|event| matches!(event.action, ControlAction::Refused { .. }));
    assert_eq!(refusals.count(), 4);
    assert!(events.iter().all(|event| event.reason == "looked at" && event.ticket == "T-9"));
}

/// What a child of the next test does: halts everything if nobody has, and then writes entries
/// as fast as it can, telling of each one that was acknowledged.
#[test]
fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let mut desk = desk(Path::new(&path));
    if desk.board().state(Target::GLOBAL) != KillState::Halted {
        let event = desk.trip(&by(ANNA, Target::GLOBAL, 1), KillState::Halted).unwrap();
        println!("acknowledged {}", event.number);
    }
    loop {
        let event = desk.trip(&by(BERT, ACCOUNT, 2), KillState::ReduceOnly).unwrap();
        println!("acknowledged {}", event.number);
        // Nobody arms it alone.
        let _ = desk.arm(&by(ANNA, Target::GLOBAL, 3));
        assert!(desk.arm(&by(ANNA, Target::GLOBAL, 4)).is_err());
        desk.trip(&by(ANNA, Target::GLOBAL, 5), KillState::Halted).unwrap();
    }
}

/// B12: a hundred times killed in the middle of writing, and a hundred times still halted.
#[test]
fn killed_a_hundred_times_it_is_still_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.log");
    let program = std::env::current_exe().unwrap();
    let mut told = 0;
    for round in 0..100_u64 {
        let mut child = Command::new(&program)
            .args(["--exact", "control_log::tests::child", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wanted = 1 + round % 4;
        let mut take = |line: String| {
            let (_, number) = line.split_once("acknowledged ")?;
            told = told.max(number.parse::<u64>().ok()?);
            Some(())
        };
        while wanted > 0 {
            let line = lines.next().expect("the child writes until it is killed").unwrap();
            wanted -= u64::from(take(line).is_some());
        }
        std::thread::sleep(std::time::Duration::from_micros(round * 37 % 1_500));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it told before it died counts too; its last line may be half a line.
        for line in lines.map_while(Result::ok) {
            take(line);
        }
        let (_, events) = ControlFile::open(&path).unwrap();
        assert!(events.len() as u64 >= told, "round {round}: {told} were acknowledged");
        drop(events);
        let desk = desk(&path);
        assert_eq!(desk.board().state(Target::GLOBAL), KillState::Halted, "round {round}");
    }
    assert!(told > 300, "{told} entries were acknowledged");
}
