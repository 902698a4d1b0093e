//! `--definitions`: units and expiries of instruments, as their exchange defines them.

use std::collections::BTreeMap;
use std::path::Path;

use qt_data::import::dbn::{self, Definition};
use qt_types::InstrumentSpec;

use crate::failure::Failure;
use crate::settings::Layers;

/// What a file defines: the last definition of each instrument.
#[derive(Clone, Debug, Default)]
pub struct Defined {
    /// Units.
    pub specs: Vec<InstrumentSpec>,
    /// When instruments expire (UTC ns), by symbol.
    pub expiries: Vec<(String, i64)>,
}

/// What the file that `layers` name defines; nothing where they name none.
///
/// # Errors
/// When it cannot be read.
pub fn of(layers: &Layers) -> Result<Defined, Failure> {
    let Some(path) = layers.given("definitions") else { return Ok(Defined::default()) };
    // A whole market may be in it.
    let mut last: BTreeMap<String, Definition> = BTreeMap::new();
    for definition in dbn::definitions(Path::new(path))? {
        last.insert(definition.spec.symbol().to_owned(), definition);
    }
    let mut defined = Defined::default();
    for (symbol, Definition { spec, expires_ns, .. }) in last {
        defined.specs.push(spec);
        defined.expiries.extend(expires_ns.map(|ns| (symbol, ns)));
    }
    Ok(defined)
}
