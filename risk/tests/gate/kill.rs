//! B12: what is tripped stays tripped, and two persons are two persons.

use qt_risk::{
    ArmRefusal, ControlAction, ControlEvent, ControlLog, KillBoard, KillDesk, KillState, Level,
    MemoryLog, Person, Request, Target, TenantOf,
};
use qt_types::{DenyReason, Nanos};

use crate::support::*;

const WAIT_NS: i64 = 600 * SECOND;
const ANNA: Person = Person { id: 1, session: 10, tenant: None };
const BERT: Person = Person { id: 2, session: 20, tenant: None };

fn desk() -> KillDesk<MemoryLog> {
    let board = KillBoard::new(2, 2, 2, 1);
    let tenant_of = TenantOf { strategies: vec![0, 1], accounts: vec![0, 1] };
    KillDesk::new(board, tenant_of, WAIT_NS, MemoryLog::default())
}

fn by(person: Person, target: Target, at_ns: i64) -> Request<'static> {
    Request { target, person, at_ns: Nanos::new(at_ns), reason: "checked", ticket: "T-1" }
}

fn all() -> [Target; 5] {
    [
        Target::new(Level::Strategy, 1),
        Target::new(Level::Account, 1),
        Target::new(Level::Tenant, 1),
        Target::new(Level::Venue, 0),
        Target::GLOBAL,
    ]
}

#[test]
fn two_persons_arm_what_one_tripped() {
    for target in all() {
        let mut desk = desk();
        desk.trip(&by(ANNA, target, 0), KillState::Halted).unwrap();
        assert_eq!(desk.board().state(target), KillState::Halted);
        let asked = desk.arm(&by(ANNA, target, 1)).unwrap();
        assert_eq!(asked.action, ControlAction::ArmRequested);
        assert_eq!(desk.board().state(target), KillState::Halted, "one is not enough");
        let armed = desk.arm(&by(BERT, target, 1 + WAIT_NS)).unwrap();
        assert_eq!(armed.action, ControlAction::Armed { first: ANNA.id });
        assert_eq!(desk.board().state(target), KillState::Active);
        assert_eq!(desk.arm(&by(ANNA, target, 2)), Err(ArmRefusal::NotTripped));
        // Everything is in the log, the refusal too, with who, why and the ticket.
        let events = &desk.log().events;
        assert_eq!(events.len(), 4);
        let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert!(events.iter().all(|event| event.reason == "checked" && event.ticket == "T-1"));
    }
}

#[test]
fn the_wrong_second_person_is_refused() {
    let target = Target::new(Level::Account, 1);
    let of_tenant = |tenant| Person { id: 3, session: 30, tenant: Some(tenant) };
    let asked = || {
        let mut desk = desk();
        desk.trip(&by(ANNA, target, 0), KillState::ReduceOnly).unwrap();
        desk.arm(&by(ANNA, target, 0)).unwrap();
        desk
    };
    let refused = |request: Request<'_>| {
        let mut desk = asked();
        let why = desk.arm(&request).unwrap_err();
        assert_eq!(desk.board().state(target), KillState::ReduceOnly);
        let last = desk.log().events.last().unwrap();
        assert_eq!(last.action, ControlAction::Refused { why });
        why
    };
    assert_eq!(refused(by(ANNA, target, 1)), ArmRefusal::SamePerson);
    let other_session = Person { session: 99, ..ANNA };
    assert_eq!(refused(by(other_session, target, 1)), ArmRefusal::SamePerson);
    let same_session = Person { session: ANNA.session, ..BERT };
    assert_eq!(refused(by(same_session, target, 1)), ArmRefusal::SameSession);
    assert_eq!(refused(by(BERT, target, WAIT_NS + 1)), ArmRefusal::Expired);
    assert_eq!(refused(by(BERT, target, -1)), ArmRefusal::Expired);
    assert_eq!(refused(by(of_tenant(0), target, 1)), ArmRefusal::WrongTenant);
    assert_eq!(refused(Request { reason: " ", ..by(BERT, target, 1) }), ArmRefusal::ReasonMissing);
    assert_eq!(refused(Request { ticket: "", ..by(BERT, target, 1) }), ArmRefusal::ReasonMissing);
    let mut desk = asked();
    assert!(desk.arm(&by(of_tenant(1), target, 1)).is_ok(), "its own tenant may");
    // An approval that expired counts no more: the second one begins anew.
    let mut desk = asked();
    assert_eq!(desk.arm(&by(BERT, target, WAIT_NS + 1)), Err(ArmRefusal::Expired));
    let again = desk.arm(&by(BERT, target, WAIT_NS + 2)).unwrap();
    assert_eq!(again.action, ControlAction::ArmRequested);
    // A trip in between takes the first approval away.
    let mut desk = asked();
    desk.trip(&by(BERT, target, 1), KillState::Halted).unwrap();
    assert_eq!(desk.arm(&by(BERT, target, 2)).unwrap().action, ControlAction::ArmRequested);
}

#[test]
fn who_works_for_a_tenant_touches_only_what_is_below_it() {
    let person = Person { tenant: Some(1), ..ANNA };
    let mut desk = desk();
    for target in all() {
        let outer = matches!(target.level, Level::Venue | Level::Global);
        let result = desk.trip(&by(person, target, 0), KillState::Halted);
        assert_eq!(result.is_err(), outer, "{target:?}");
    }
    let other = Target::new(Level::Strategy, 0);
    let result = desk.trip(&by(person, other, 0), KillState::Halted);
    assert_eq!(result, Err(ArmRefusal::WrongTenant));
    let nowhere = Target::new(Level::Account, 9);
    let result = desk.trip(&by(ANNA, nowhere, 0), KillState::Halted);
    assert_eq!(result, Err(ArmRefusal::UnknownTarget));
}

#[test]
fn a_restart_forgets_no_kill_and_remembers_no_half_approval() {
    for target in all() {
        let mut before = desk();
        before.trip(&by(ANNA, target, 0), KillState::Halted).unwrap();
        before.arm(&by(ANNA, target, 1)).unwrap();
        // The log is cut after any entry: from the trip on it is halted.
        for kept in 1..=2 {
            let mut after = desk();
            after.recover(&before.log().events[..kept]);
            assert_eq!(after.board().state(target), KillState::Halted);
            let next = after.arm(&by(BERT, target, 2)).unwrap();
            assert_eq!(next.action, ControlAction::ArmRequested, "the first one again");
            assert_eq!(next.number, kept as u64 + 1);
        }
        before.arm(&by(BERT, target, 2)).unwrap();
        let mut after = desk();
        after.recover(&before.log().events);
        assert_eq!(after.board().state(target), KillState::Active);
    }
}

struct Broken;

impl ControlLog for Broken {
    fn append(&mut self, _event: &ControlEvent) -> Result<(), String> {
        Err("the disk is full".to_owned())
    }
}

#[test]
fn what_is_not_durable_is_not_acknowledged() {
    let board = KillBoard::new(1, 1, 1, 1);
    let mut desk = KillDesk::new(board, TenantOf::default(), WAIT_NS, Broken);
    let result = desk.trip(&by(ANNA, Target::GLOBAL, 0), KillState::Halted);
    assert_eq!(result, Err(ArmRefusal::LogFailed));
    assert_eq!(desk.board().state(Target::GLOBAL), KillState::Halted, "stopped all the same");
    assert_eq!(desk.arm(&by(ANNA, Target::GLOBAL, 1)), Err(ArmRefusal::LogFailed));
    assert_eq!(desk.arm(&by(BERT, Target::GLOBAL, 2)), Err(ArmRefusal::LogFailed));
    assert_eq!(desk.board().state(Target::GLOBAL), KillState::Halted);
}

#[test]
fn no_order_passes_between_trip_and_arm() {
    let mut world = World::new(&wide(&[]));
    let tenant_of = TenantOf { strategies: vec![0], accounts: vec![0] };
    let board = world.gate.kill().clone();
    let mut desk = KillDesk::new(board, tenant_of, WAIT_NS, MemoryLog::default());
    let trip = desk.trip(&by(ANNA, Target::GLOBAL, 0), KillState::Halted).unwrap();
    let mut tripped = false;
    for nth in 0..10_000 {
        if nth == 5_000 {
            assert!(world.gate.apply(&trip));
            tripped = true;
        }
        let result = world.ask(&limit(BUY, 1, 100));
        world.gate.withdraw_pending();
        assert_eq!(result, if tripped { Err(DenyReason::KillHalted) } else { Ok(()) });
    }
    let asked = desk.arm(&by(ANNA, Target::GLOBAL, 1)).unwrap();
    assert!(world.gate.apply(&asked));
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::KillHalted));
    let armed = desk.arm(&by(BERT, Target::GLOBAL, 2)).unwrap();
    assert!(world.gate.apply(&armed));
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}
