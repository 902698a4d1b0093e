//! The order state change matrices D1 to D17 of FIX 4.2, appendix D (B18), in hundreds of shares:
//! what the venue sends, and how the order stands after it. Where FIX says "pending", our own
//! request is what is pending; the venue's note that it has the request in work tells us nothing
//! new and is no report here.

use qt_engine::oms::{Anomaly, Effect};
use qt_types::{RejectReason, Report, ReportKind};

use crate::support::{Desk, fill};

/// What happens, with the lots that it is about.
#[derive(Clone, Copy, Debug)]
enum Step {
    New,
    Refused,
    Fill(u64, i64),
    AskCancel,
    AskReplace,
    Cancelled,
    Expired,
    CancelRefused,
    ReplaceRefused,
    Replaced(i64),
    /// What the venue calls it, and we know it.
    Nothing(&'static Step),
}
use Step::{
    AskCancel, AskReplace, CancelRefused, Cancelled, Expired, Fill, New, Nothing, Refused,
    ReplaceRefused, Replaced,
};

fn take(desk: &mut Desk, step: Step) -> Option<Effect> {
    match step {
        New => Some(desk.plain(ReportKind::Accepted)),
        Refused => Some(desk.plain(ReportKind::Rejected)),
        Fill(exec, lots) => Some(desk.fill(exec, lots)),
        AskCancel => desk.table.ask_cancel(desk.id).map(|_| Effect::Changed),
        AskReplace => desk.table.ask_replace(desk.id).map(|_| Effect::Changed),
        Cancelled => Some(desk.plain(ReportKind::Cancelled)),
        Expired => Some(desk.plain(ReportKind::Expired)),
        CancelRefused => Some(desk.plain(ReportKind::RequestRejected)),
        ReplaceRefused => Some(desk.replace_refused()),
        Replaced(total) => Some(desk.replaced(total)),
        Nothing(step) => {
            let effect = take(desk, *step);
            assert_eq!(effect, Some(Effect::Nothing));
            effect
        }
    }
}

fn play(name: &str, lots: i64, steps: &[(Step, &str)]) {
    let mut desk = Desk::sent(lots);
    for (at, &(step, expected)) in steps.iter().enumerate() {
        let effect = take(&mut desk, step);
        assert!(!matches!(effect, Some(Effect::Illegal(_))), "{name}, step {at}: {effect:?}");
        assert_eq!(desk.line(), expected, "{name}, step {at}: {step:?}");
        assert_eq!(desk.position, desk.order().filled.lots(), "{name}, step {at}");
    }
}

#[test]
fn d1_and_d2_filled_refused_and_out_of_time() {
    play("D1", 100, &[(Refused, "rejected 0/0")]);
    play(
        "D1",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 20), "partial 20/80"),
            (Fill(2, 30), "partial 50/50"),
            (Fill(3, 50), "filled 100/0"),
        ],
    );
    play(
        "D2",
        100,
        &[(New, "working 0/100"), (Fill(1, 20), "partial 20/80"), (Expired, "expired 20/0")],
    );
}

#[test]
fn d3_to_d5_a_cancel_is_asked_for() {
    play(
        "D3 refused, then done",
        100,
        &[
            (New, "working 0/100"),
            (AskCancel, "cancelling 0/100"),
            (CancelRefused, "working 0/100"),
            (AskCancel, "cancelling 0/100"),
            (Cancelled, "cancelled 0/0"),
        ],
    );
    play(
        "D4 executions while it is pending",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 20), "partial 20/80"),
            (AskCancel, "cancelling 20/80"),
            (Fill(2, 30), "cancelling 50/50"),
            (CancelRefused, "partial 50/50"),
            (AskCancel, "cancelling 50/50"),
            (Fill(3, 10), "cancelling 60/40"),
            (Cancelled, "cancelled 60/0"),
        ],
    );
    play(
        "D5 filled before, too late",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 20), "partial 20/80"),
            (AskCancel, "cancelling 20/80"),
            (Fill(2, 80), "filled 100/0"),
            (Nothing(&CancelRefused), "filled 100/0"),
        ],
    );
}

#[test]
fn d6_to_d8_made_larger() {
    play(
        "D6",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (ReplaceRefused, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Replaced(110), "working 0/110"),
            (Fill(1, 10), "partial 10/100"),
            (Fill(2, 100), "filled 110/0"),
        ],
    );
    play(
        "D7 an execution while it is pending",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 10), "partial 10/90"),
            (AskReplace, "replacing 10/90"),
            (Fill(2, 1), "replacing 11/89"),
            (Replaced(120), "partial 11/109"),
            (Fill(3, 109), "filled 120/0"),
        ],
    );
    play(
        "D8 a filled order is open again",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Fill(1, 100), "filled 100/0"),
            (Replaced(120), "partial 100/20"),
            (Fill(2, 20), "filled 120/0"),
        ],
    );
}

#[test]
fn d9_a_change_of_price_comes_too_late() {
    play(
        "D9",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Fill(1, 100), "filled 100/0"),
            (Nothing(&ReplaceRefused), "filled 100/0"),
        ],
    );
}

#[test]
fn d10_to_d12_made_smaller_while_executions_are_reported() {
    play(
        "D10 more than was executed",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Fill(1, 50), "replacing 50/50"),
            (Replaced(80), "partial 50/30"),
            (Fill(2, 30), "filled 80/0"),
        ],
    );
    play(
        "D11 what was executed: filled comes before replaced",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Fill(1, 70), "replacing 70/30"),
            (Replaced(70), "filled 70/0"),
        ],
    );
    play(
        "D12 less than was executed: the venue makes it that",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (Fill(1, 80), "replacing 80/20"),
            (Replaced(80), "filled 80/0"),
        ],
    );
    // A venue that did not would be wrong.
    let mut desk = Desk::sent(100);
    desk.fill(1, 80);
    assert_eq!(desk.replaced(70), Effect::Illegal(Anomaly::BelowFilled));
    assert_eq!(desk.line(), "partial 80/20");
}

#[test]
fn d13_to_d15_one_change_after_the_other() {
    play(
        "D13",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 10), "partial 10/90"),
            (AskReplace, "replacing 10/90"),
            (Fill(2, 10), "replacing 20/80"),
            (Replaced(80), "partial 20/60"),
            (Fill(3, 50), "partial 70/10"),
            (AskReplace, "replacing 70/10"),
            (Replaced(90), "partial 70/20"),
            (Fill(4, 20), "filled 90/0"),
        ],
    );
    for name in ["D14 refused at once", "D15 refused after it was pending"] {
        let after = if name.starts_with("D15") { 20 } else { 10 };
        let mut desk = Desk::sent(100);
        desk.plain(ReportKind::Accepted);
        desk.fill(1, 10);
        desk.table.ask_replace(desk.id);
        if after == 20 {
            desk.fill(2, 10);
            assert_eq!(desk.line(), "replacing 20/80", "{name}");
        }
        assert_eq!(desk.replace_refused(), Effect::Changed, "{name}");
        assert_eq!(desk.line(), format!("partial {after}/{}", 100 - after), "{name}");
        desk.table.ask_replace(desk.id);
        desk.replaced(80);
        assert_eq!(desk.line(), format!("partial {after}/{}", 80 - after), "{name}");
        desk.fill(3, 80 - after);
        assert_eq!(desk.line(), "filled 80/0", "{name}");
    }
}

#[test]
fn d16_and_d17_a_change_before_the_other_is_answered() {
    play(
        "D16 one after the other",
        100,
        &[
            (New, "working 0/100"),
            (Fill(1, 10), "partial 10/90"),
            (AskReplace, "replacing 10/90"),
            (AskReplace, "replacing 10/90"),
            (Replaced(80), "replacing 10/70"),
            (Replaced(70), "partial 10/60"),
            (Fill(2, 60), "filled 70/0"),
        ],
    );
    play(
        "D17 the second is refused, as the first is pending",
        100,
        &[
            (New, "working 0/100"),
            (AskReplace, "replacing 0/100"),
            (AskReplace, "replacing 0/100"),
            (ReplaceRefused, "replacing 0/100"),
            (Replaced(80), "working 0/80"),
            (Fill(1, 80), "filled 80/0"),
        ],
    );
}

#[test]
fn rows_that_others_learned_the_hard_way() {
    play("an IOC order is killed before it is accepted", 10, &[(Cancelled, "cancelled 0/0")]);
    play(
        "filled before it is accepted",
        10,
        &[(Fill(1, 4), "partial 4/6"), (Nothing(&New), "partial 4/6")],
    );
    play(
        "filled after it was cancelled",
        10,
        &[
            (New, "working 0/10"),
            (Cancelled, "cancelled 0/0"),
            (Fill(1, 4), "cancelled 4/0"),
            (Fill(2, 6), "filled 10/0"),
        ],
    );
    play(
        "a stale cancel after the fill",
        10,
        &[(Fill(1, 10), "filled 10/0"), (Nothing(&Cancelled), "filled 10/0")],
    );
    play(
        "unsolicited: another total, and an end",
        10,
        &[(New, "working 0/10"), (Replaced(6), "working 0/6"), (Cancelled, "cancelled 0/0")],
    );
}

#[test]
fn an_order_of_unknown_fate_bears_its_exposure() {
    let mut desk = Desk::sent(10);
    desk.fill(1, 3);
    desk.plain(ReportKind::Unknown);
    assert_eq!(desk.line(), "unknown 3/7");
    let working =
        |desk: &Desk| desk.table.working(qt_types::InstrumentId(0), qt_types::Side::Buy).lots();
    assert_eq!(working(&desk), 7);
    // Its end may be asked for; that nobody knows the order is no proof that it is gone.
    assert!(desk.table.ask_cancel(desk.id).is_some());
    assert_eq!(desk.line(), "unknown 3/7");
    let unknown = RejectReason::UnknownOrder;
    desk.tell(&Report::plain(desk.id, ReportKind::RequestRejected, unknown));
    assert_eq!((desk.line().as_str(), working(&desk)), ("unknown 3/7", 7));
    // A fill proves that it lives, and a report of its end that it does not.
    let mut lives = desk.clone();
    lives.tell(&fill(2, 2, 5));
    assert_eq!((lives.line().as_str(), working(&lives)), ("partial 5/5", 5));
    desk.plain(ReportKind::Cancelled);
    assert_eq!((desk.line().as_str(), working(&desk)), ("cancelled 3/0", 0));
}
