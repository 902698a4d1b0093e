//! Decisions about the engine, as bytes: what, which switch, what may still be sent, who.

use qt_types::{Control, ControlKind, Number, StrategyId, Target};

use super::bytes::{In, Malformed, Out};
use super::codes;

const TRIP: u8 = 1;
const ARM: u8 = 2;
const RESUME: u8 = 3;
const PAUSE: u8 = 4;
const CLOSE_OUT: u8 = 5;
const ACTIVATE: u8 = 6;
const DEACTIVATE: u8 = 7;
const TUNE: u8 = 8;
const LIMIT: u8 = 9;

pub fn write(out: &mut Out<'_>, control: &Control) {
    match control.kind {
        ControlKind::Trip { target, state } => {
            out.u8(TRIP);
            write_target(out, target);
            out.u8(codes::kill_state_code(state));
        }
        ControlKind::Arm { target } => {
            out.u8(ARM);
            write_target(out, target);
        }
        ControlKind::Resume => out.u8(RESUME),
        ControlKind::Pause => out.u8(PAUSE),
        ControlKind::CloseOut => out.u8(CLOSE_OUT),
        ControlKind::Activate { strategy } => {
            out.u8(ACTIVATE);
            out.u16(strategy.0);
        }
        ControlKind::Deactivate { strategy } => {
            out.u8(DEACTIVATE);
            out.u16(strategy.0);
        }
        ControlKind::Tune { strategy, param, value } => {
            out.u8(TUNE);
            out.u16(strategy.0);
            out.u16(param);
            out.u64(value.bits());
        }
        ControlKind::Limit { target, key, hard } => {
            out.u8(LIMIT);
            write_target(out, target);
            out.u16(key);
            out.i128(hard);
        }
    }
    out.u64(control.person);
}

pub fn read(from: &mut In<'_>) -> Result<Control, Malformed> {
    let kind = match from.u8()? {
        TRIP => {
            let target = read_target(from)?;
            ControlKind::Trip { target, state: codes::kill_state(from.u8()?)? }
        }
        ARM => ControlKind::Arm { target: read_target(from)? },
        RESUME => ControlKind::Resume,
        PAUSE => ControlKind::Pause,
        CLOSE_OUT => ControlKind::CloseOut,
        ACTIVATE => ControlKind::Activate { strategy: StrategyId(from.u16()?) },
        DEACTIVATE => ControlKind::Deactivate { strategy: StrategyId(from.u16()?) },
        TUNE => ControlKind::Tune {
            strategy: StrategyId(from.u16()?),
            param: from.u16()?,
            value: Number::from_bits(from.u64()?),
        },
        LIMIT => {
            ControlKind::Limit { target: read_target(from)?, key: from.u16()?, hard: from.i128()? }
        }
        _ => return Err(Malformed("a decision of no known kind")),
    };
    Ok(Control { kind, person: from.u64()? })
}

fn write_target(out: &mut Out<'_>, target: Target) {
    out.u8(codes::level_code(target.level));
    out.u16(target.index);
}

fn read_target(from: &mut In<'_>) -> Result<Target, Malformed> {
    Ok(Target { level: codes::level(from.u8()?)?, index: from.u16()? })
}

#[cfg(test)]
mod tests {
    use qt_types::{KillState, Level};

    use super::*;

    /// What stands in old journals.
    #[test]
    fn decisions_keep_their_numbers() {
        let target = Target { level: Level::Tenant, index: 0x0102 };
        let kinds: [(ControlKind, &[u8]); 5] = [
            (ControlKind::Trip { target, state: KillState::Halted }, &[1, 2, 2, 1, 2]),
            (ControlKind::Arm { target }, &[2, 2, 2, 1]),
            (ControlKind::Resume, &[3]),
            (ControlKind::Pause, &[4]),
            (ControlKind::CloseOut, &[5]),
        ];
        for (kind, wanted) in kinds {
            let mut bytes = [0; 32];
            let mut out = Out::new(&mut bytes);
            write(&mut out, &Control { kind, person: 9 });
            let length = out.finish().unwrap();
            let wanted = [wanted, &9_u64.to_le_bytes()].concat();
            assert_eq!(bytes[..length], wanted, "{kind:?}");
            let read = read(&mut In::new(&wanted));
            assert_eq!(read, Ok(Control { kind, person: 9 }));
        }
        let levels = [
            (Level::Strategy, 0),
            (Level::Account, 1),
            (Level::Tenant, 2),
            (Level::Venue, 3),
            (Level::Global, 4),
            (Level::Instrument, 5),
        ];
        for (level, code) in levels {
            assert_eq!(codes::level(code), Ok(level));
        }
        let states = [(KillState::Active, 0), (KillState::ReduceOnly, 1), (KillState::Halted, 2)];
        for (state, code) in states {
            assert_eq!(codes::kill_state(code), Ok(state));
        }
    }
}
