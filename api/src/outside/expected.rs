//! The shape of a signal, as an agent is shown it in its task.

use serde_json::{Value, json};

/// The object of `docs/SIGNALS.md` as JSON Schema.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let ratio = json!({"type": "number", "minimum": 0, "maximum": 1});
    let time = json!({"type": "string", "format": "date-time"});
    let decimal = json!({"type": ["string", "number"]});
    json!({
        "title": "signal",
        "type": "object",
        "additionalProperties": false,
        "required": ["schema_version", "signal_id", "symbol", "action", "confidence",
                     "horizon_seconds", "issued_at", "expires_at"],
        "properties": {
            "schema_version": {"const": 1},
            "signal_id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
            "symbol": text,
            "action": {"enum": ["buy", "sell", "hold", "close"]},
            "confidence": ratio,
            "strength": ratio,
            "quantity": decimal,
            "target_position": decimal,
            "weight": decimal,
            "limit_price": decimal,
            "stop_loss": decimal,
            "take_profit": decimal,
            "horizon_seconds": {"type": "integer", "minimum": 1, "maximum": 31_622_400},
            "issued_at": time,
            "expires_at": time,
            "model_id": text,
            "model_version": text,
            "agent_name": text,
            "reasoning": {"type": "array", "maxItems": 50, "items": text},
            "features": {"type": "object"},
        },
    })
}
