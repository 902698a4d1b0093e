//! The object as agents send it.

use qt_types::{Nanos, SignalAction, parse_e9};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::SignalFault;
use crate::time::iso;

/// The largest object that is read.
pub const SIGNAL_BYTES_MAX: usize = 64 << 10;

const ONE_E9: f64 = 1e9;
const NANOS_PER_S: i64 = 1_000_000_000;
const HORIZON_S_MAX: u32 = 31_622_400;
const ID_LENGTH_MAX: usize = 64;
const SYMBOL_LENGTH_MAX: usize = 64;
const LABEL_LENGTH_MAX: usize = 200;
const REASONS_MAX: usize = 50;
const REASON_LENGTH_MAX: usize = 2_000;
/// A share of the equity: ten times all of it, either way.
const WEIGHT_MAX: f64 = 10.0;

/// How much a signal asks for, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeObject {
    /// It leaves that open.
    Open,
    /// So much.
    QuantityE9(i64),
    /// As much as makes the position this; negative for short.
    TargetE9(i64),
    /// As much as makes the position worth this share of the equity; negative for short.
    WeightE9(i64),
}

/// A signal as its source says it: prices and quantities in billionths, times in UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalObject {
    /// As its source names it.
    pub signal_id: String,
    /// What it is about.
    pub symbol: String,
    /// What is to be done.
    pub action: SignalAction,
    /// How sure the source is, in billionths.
    pub confidence_e9: u32,
    /// How strong it is, where it says so.
    pub strength_e9: Option<u32>,
    /// How much.
    pub size: SizeObject,
    /// The worst price to enter at.
    pub limit_price_e9: Option<i64>,
    /// Where to give up.
    pub stop_loss_e9: Option<i64>,
    /// Where to take the profit.
    pub take_profit_e9: Option<i64>,
    /// How long from its issue on it is meant for.
    pub horizon_s: u32,
    /// When it was issued.
    pub issued_ns: Nanos,
    /// From when on it says nothing any more.
    pub expires_ns: Nanos,
    /// Labels: they decide nothing.
    pub model_id: Option<String>,
    /// Of the model.
    pub model_version: Option<String>,
    /// Of the agent.
    pub agent_name: Option<String>,
    /// Why.
    pub reasoning: Vec<String>,
    /// What it was made from: a JSON object, as it came.
    pub features: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    schema_version: u64,
    signal_id: String,
    symbol: String,
    action: RawAction,
    confidence: f64,
    #[serde(default)]
    strength: Option<f64>,
    #[serde(default, borrow)]
    target_position: Option<&'a RawValue>,
    #[serde(default, borrow)]
    quantity: Option<&'a RawValue>,
    #[serde(default)]
    weight: Option<f64>,
    #[serde(default, borrow)]
    limit_price: Option<&'a RawValue>,
    #[serde(default, borrow)]
    stop_loss: Option<&'a RawValue>,
    #[serde(default, borrow)]
    take_profit: Option<&'a RawValue>,
    horizon_seconds: u32,
    issued_at: String,
    expires_at: String,
    #[serde(default)]
    model_id: Option<String>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    agent_name: Option<String>,
    #[serde(default)]
    reasoning: Vec<String>,
    #[serde(default, borrow)]
    features: Option<&'a RawValue>,
}

/// Read first, and alone: another version may have any other fields.
#[derive(Deserialize)]
struct Version {
    schema_version: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawAction {
    Buy,
    Sell,
    Hold,
    Close,
}

impl From<RawAction> for SignalAction {
    fn from(action: RawAction) -> Self {
        match action {
            RawAction::Buy => Self::Buy,
            RawAction::Sell => Self::Sell,
            RawAction::Hold => Self::Hold,
            RawAction::Close => Self::Close,
        }
    }
}

impl SignalObject {
    /// Reads an object.
    ///
    /// # Errors
    /// What is not as the contract has it.
    pub fn read(bytes: &[u8]) -> Result<Self, SignalFault> {
        if bytes.len() > SIGNAL_BYTES_MAX {
            return Err(SignalFault::TooLarge { bytes: bytes.len(), max: SIGNAL_BYTES_MAX });
        }
        let malformed = |error: serde_json::Error| SignalFault::Malformed(error.to_string());
        let version: Version = serde_json::from_slice(bytes).map_err(malformed)?;
        if version.schema_version != 1 {
            return Err(SignalFault::SchemaVersion(version.schema_version));
        }
        let raw: Raw<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
        debug_assert_eq!(raw.schema_version, 1);
        let object = raw.checked()?;
        if has_nul(bytes) {
            let detail = "U+0000 can be kept in no database: leave it out of all texts";
            return Err(SignalFault::Malformed(detail.to_owned()));
        }
        Ok(object)
    }

    /// Its identifier in sixteen bytes: those of the UUID that it is, or the first of its SHA-256.
    #[must_use]
    pub fn id_bytes(&self) -> [u8; 16] {
        uuid_bytes(&self.signal_id).unwrap_or_else(|| {
            let hash = Sha256::digest(self.signal_id.as_bytes());
            let mut id = [0; 16];
            id.copy_from_slice(&hash[..16]);
            id
        })
    }

    /// Holds its times against now; clocks may differ by `tolerance_ns`.
    ///
    /// # Errors
    /// When it has expired, or is from the future.
    pub fn check_time(&self, now_ns: Nanos, tolerance_ns: i64) -> Result<(), SignalFault> {
        let ahead_ns = self.issued_ns.get().saturating_sub(now_ns.get());
        if ahead_ns > tolerance_ns {
            let (ahead_ms, tolerance_ms) = (ahead_ns / 1_000_000, tolerance_ns / 1_000_000);
            return Err(SignalFault::FromFuture { ahead_ms, tolerance_ms });
        }
        if self.expires_ns <= now_ns { Err(SignalFault::Expired) } else { Ok(()) }
    }
}

impl Raw<'_> {
    fn checked(self) -> Result<SignalObject, SignalFault> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let id = &self.signal_id;
        if id.is_empty() || id.len() > ID_LENGTH_MAX || !id.bytes().all(is_id) {
            return Err(SignalFault::Id);
        }
        let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let symbol = &self.symbol;
        if symbol.is_empty() || symbol.len() > SYMBOL_LENGTH_MAX || !symbol.bytes().all(is_symbol) {
            let shown = symbol.chars().take(SYMBOL_LENGTH_MAX).collect();
            return Err(SignalFault::UnknownSymbol(shown));
        }
        let action = SignalAction::from(self.action);
        let size = self.size(action)?;
        if !(1..=HORIZON_S_MAX).contains(&self.horizon_seconds) {
            return Err(SignalFault::Horizon);
        }
        let issued_ns = time(&self.issued_at, "issued_at: UTC as 2026-01-31T09:30:00.000Z")?;
        let expires_ns = time(&self.expires_at, "expires_at: UTC as 2026-01-31T09:30:00.000Z")?;
        if expires_ns <= issued_ns {
            return Err(SignalFault::Time("expires_at is not after issued_at"));
        }
        if issued_ns.get().checked_add(i64::from(self.horizon_seconds) * NANOS_PER_S).is_none() {
            return Err(SignalFault::Time("issued_at is too far away"));
        }
        let labels = [&self.model_id, &self.model_version, &self.agent_name];
        if labels.into_iter().flatten().any(|label| !is_short(label, LABEL_LENGTH_MAX)) {
            let detail = "model_id, model_version, agent_name: at most 200 characters, no control";
            return Err(SignalFault::Malformed(detail.to_owned()));
        }
        let reasons = &self.reasoning;
        if reasons.len() > REASONS_MAX || reasons.iter().any(|it| it.len() > REASON_LENGTH_MAX) {
            let detail = "reasoning: at most 50 texts of at most 2,000 bytes";
            return Err(SignalFault::Malformed(detail.to_owned()));
        }
        let features = self.features.map(|raw| raw.get().to_owned());
        if features.as_ref().is_some_and(|text| !text.starts_with('{')) {
            return Err(SignalFault::Malformed("features: an object".to_owned()));
        }
        Ok(SignalObject {
            confidence_e9: share(self.confidence, "confidence")?,
            strength_e9: self.strength.map(|it| share(it, "strength")).transpose()?,
            limit_price_e9: price(self.limit_price, "limit_price")?,
            stop_loss_e9: price(self.stop_loss, "stop_loss")?,
            take_profit_e9: price(self.take_profit, "take_profit")?,
            signal_id: self.signal_id,
            symbol: self.symbol,
            action,
            size,
            horizon_s: self.horizon_seconds,
            issued_ns,
            expires_ns,
            model_id: self.model_id,
            model_version: self.model_version,
            agent_name: self.agent_name,
            reasoning: self.reasoning,
            features,
        })
    }

    fn size(&self, action: SignalAction) -> Result<SizeObject, SignalFault> {
        let given =
            [self.quantity.is_some(), self.target_position.is_some(), self.weight.is_some()];
        let count = given.into_iter().filter(|is_given| *is_given).count();
        if count > 1 {
            return Err(SignalFault::Size("one of quantity, target_position and weight at most"));
        }
        if count > 0 && action.side().is_none() {
            return Err(SignalFault::Size("hold and close have no size"));
        }
        let wrong = SignalFault::Size("quantity, target_position: decimals with up to 9 places");
        let e9 = |raw: &RawValue| decimal(raw).ok_or_else(|| wrong.clone());
        if let Some(raw) = self.quantity {
            let quantity = e9(raw)?;
            return if quantity > 0 {
                Ok(SizeObject::QuantityE9(quantity))
            } else {
                Err(SignalFault::Size("quantity: above zero; the action says which way"))
            };
        }
        if let Some(raw) = self.target_position {
            let target = e9(raw)?;
            fits(action, target)?;
            return Ok(SizeObject::TargetE9(target));
        }
        let Some(weight) = self.weight else { return Ok(SizeObject::Open) };
        if !(-WEIGHT_MAX..=WEIGHT_MAX).contains(&weight) {
            return Err(SignalFault::Size("weight: from -10 to 10 times the equity"));
        }
        let weight_e9 = (weight * ONE_E9).round() as i64;
        fits(action, weight_e9)?;
        Ok(SizeObject::WeightE9(weight_e9))
    }
}

/// A position that is aimed at lies on the side of the action.
fn fits(action: SignalAction, aim: i64) -> Result<(), SignalFault> {
    let is_against = match action {
        SignalAction::Buy => aim < 0,
        SignalAction::Sell => aim > 0,
        SignalAction::Hold | SignalAction::Close => aim != 0,
    };
    let fault = SignalFault::Size("target_position, weight: its sign is against the action");
    if is_against { Err(fault) } else { Ok(()) }
}

/// A share of one in billionths. What is not finite lies outside.
fn share(share: f64, name: &'static str) -> Result<u32, SignalFault> {
    if (0.0..=1.0).contains(&share) {
        Ok((share * ONE_E9).round() as u32)
    } else {
        Err(SignalFault::Share(name))
    }
}

/// A decimal as a string or a number, exactly as it is written.
fn decimal(raw: &RawValue) -> Option<i64> {
    let text = raw.get();
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    parse_e9(inner).ok()
}

fn price(raw: Option<&RawValue>, field: &'static str) -> Result<Option<i64>, SignalFault> {
    let Some(raw) = raw else { return Ok(None) };
    let wrong = || SignalFault::Price { field, detail: "a decimal with up to 9 places".to_owned() };
    decimal(raw).map(Some).ok_or_else(wrong)
}

/// Python writes `+00:00` where others write `Z`.
fn time(text: &str, wrong: &'static str) -> Result<Nanos, SignalFault> {
    let parsed = match text.strip_suffix("+00:00") {
        Some(start) => iso(&format!("{start}Z")),
        None => iso(text),
    };
    parsed.ok_or(SignalFault::Time(wrong))
}

/// Whether any text of the JSON in `bytes` has U+0000 in it.
fn has_nul(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match *byte {
            0 => return true,
            b'\\' if rest.as_slice().starts_with(b"u0000") => return true,
            // What is escaped is passed over: behind a backslash it is no escape.
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
    false
}

fn is_short(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(char::is_control)
}

/// The bytes of `8-4-4-4-12` hexadecimal digits.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    if bytes.len() != 36 || (0..36).any(|at| is_dash(at) != (bytes[at] == b'-')) {
        return None;
    }
    let mut digits = bytes.iter().filter(|byte| **byte != b'-');
    let mut id = [0; 16];
    for byte in &mut id {
        let mut digit = || (*digits.next()? as char).to_digit(16);
        *byte = u8::try_from(digit()? << 4 | digit()?).ok()?;
    }
    Some(id)
}
