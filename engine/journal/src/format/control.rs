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
