//! A record as bytes: the payload of a frame.

use qt_engine::Command;
use qt_types::{InstrumentId, InstrumentSpec, Nanos, Seq};

use super::bytes::{In, Malformed, Out};
use super::{codes, event, intention};
use crate::intention::Intention;
use crate::record::{
    CommandRecord, Control, Mark, Record, RecordKind, SnapshotRef, SpecRecord, Stamp,
};

pub fn write(out: &mut Out<'_>, record: &Record) {
    match record {
        Record::Spec(spec) => write_spec(out, spec),
        Record::Config(bytes) => out.put_slice(bytes),
        Record::Event(event) => event::write(out, event),
        Record::Command(command) => write_command(out, command),
        Record::Control(control) => {
            write_stamp(out, control.stamp);
            out.u16(control.kind);
            out.put_slice(&control.bytes);
        }
        Record::Snapshot(snapshot) => {
            write_stamp(out, snapshot.stamp);
            out.u64(snapshot.bytes);
            out.u32(snapshot.crc);
        }
        Record::Mark(mark) => {
            write_stamp(out, mark.stamp);
            out.u64(mark.hash);
        }
        Record::End(stamp) => write_stamp(out, *stamp),
    }
}

/// Reads all of `bytes` as one record. What comes back makes the same bytes again.
///
/// # Errors
/// When no record of this kind is written so.
pub fn read(kind: RecordKind, bytes: &[u8]) -> Result<Record, Malformed> {
    let mut from = In::new(bytes);
    let record = match kind {
        RecordKind::Spec => Record::Spec(read_spec(&mut from)?),
        RecordKind::Config => Record::Config(from.rest().to_vec()),
        RecordKind::Event => Record::Event(event::read(&mut from)?),
        RecordKind::Command => Record::Command(CommandRecord {
            stamp: read_stamp(&mut from)?,
            intention: intention::read(&mut from)?,
        }),
        RecordKind::Control => Record::Control(Control {
            stamp: read_stamp(&mut from)?,
            kind: from.u16()?,
            bytes: from.rest().to_vec(),
        }),
        RecordKind::Snapshot => Record::Snapshot(SnapshotRef {
            stamp: read_stamp(&mut from)?,
            bytes: from.u64()?,
            crc: from.u32()?,
        }),
        RecordKind::Mark => Record::Mark(Mark { stamp: read_stamp(&mut from)?, hash: from.u64()? }),
        RecordKind::End => Record::End(read_stamp(&mut from)?),
    };
    from.end()?;
    Ok(record)
}

pub fn write_command(out: &mut Out<'_>, command: &CommandRecord) {
    write_stamp(out, command.stamp);
    intention::write(out, &command.intention);
}

/// The same of a command that was made just now. No copy of it is made: a processor waits for the
/// parts of what was only just written when it is to read them as one.
#[inline(always)]
pub fn write_sent(out: &mut Out<'_>, stamp: Stamp, command: &Command) {
    write_stamp(out, stamp);
    match command {
        Command::New(new) => intention::write_sent(out, new),
        Command::Replace(_) | Command::Cancel(_) => {
            intention::write(out, &Intention::from(command));
        }
    }
}

#[inline(always)]
fn write_stamp(out: &mut Out<'_>, stamp: Stamp) {
    out.u64(stamp.seq.get());
    out.i64(stamp.at_ns.get());
}

fn read_stamp(from: &mut In<'_>) -> Result<Stamp, Malformed> {
    Ok(Stamp { seq: Seq::new(from.u64()?), at_ns: Nanos::new(from.i64()?) })
}

fn write_spec(out: &mut Out<'_>, record: &SpecRecord) {
    let spec = &record.spec;
    out.u16(record.instrument.0);
    out.u8(codes::instrument_kind_code(spec.kind()));
    out.i64(spec.tick_e9());
    out.i64(spec.lot_e9());
    out.i64(spec.multiplier_e9());
    out.text(spec.symbol());
    out.text(spec.currency());
}

fn read_spec(from: &mut In<'_>) -> Result<SpecRecord, Malformed> {
    let instrument = InstrumentId(from.u16()?);
    let kind = codes::instrument_kind(from.u8()?)?;
    let (tick, lot, multiplier) = (from.i64()?, from.i64()?, from.i64()?);
    let (symbol, currency) = (from.text()?, from.text()?);
    let spec = InstrumentSpec::new(symbol, currency, kind, tick, lot, multiplier);
    let spec = spec.map_err(|_| Malformed("the units of no instrument"))?;
    Ok(SpecRecord { instrument, spec })
}
