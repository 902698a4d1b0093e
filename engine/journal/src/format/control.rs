//! Decisions about the engine, as bytes: what, which switch, what may still be sent, who.

use qt_types::{Control, ControlKind, Target};

use super::bytes::{In, Malformed, Out};
use super::codes;

const TRIP: u8 = 1;
const ARM: u8 = 2;
const RESUME: u8 = 3;
const PAUSE: u8 = 4;
const CLOSE_OUT: u8 = 5;

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
