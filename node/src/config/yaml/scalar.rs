//! What a scalar means: YAML 1.1 as Go's `goyaml.v2` reads it, which `sigs.k8s.io/yaml` and so every Kubernetes decoder
//! is made of. <https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/resolve.go> is the reference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Value;

/// The tag before a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    /// No tag: quotes decide between text and anything.
    None,
    /// `!`: text, unless it is a merge key.
    NonSpecific,
    /// A tag of YAML itself, such as `str` for `!!str`.
    Core(String),
    /// Any other: the scalar is text.
    Other,
}

/// The value of a scalar; the error says what it cannot be read as.
pub(super) fn resolve(text: String, plain: bool, tag: &Tag) -> Result<Value, String> {
    let name = match tag {
        Tag::None if !plain => return Ok(Value::Text(text)),
        Tag::NonSpecific | Tag::Other => return Ok(Value::Text(text)),
        Tag::None => return finite(implicit(text)),
        Tag::Core(name) => name.as_str(),
    };
    let refused = || format!("a scalar tagged `!!{name}` that cannot be read as one");
    match name {
        "binary" => {
            let compact: String = text.split_whitespace().collect();
            STANDARD
                .decode(compact)
                .map(|bytes| Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
                .map_err(|_| refused())
        }
        "bool" | "int" | "float" | "null" => match (name, implicit(text)) {
            ("bool", value @ Value::Bool(_))
            | ("int", value @ Value::Integer(_))
            | ("float", value @ Value::Float(_))
            | ("null", value @ Value::Null) => finite(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the user asked for a float of this number"
            )]
            ("float", Value::Integer(number)) => Ok(Value::Float(number as f64)),
            _ => Err(refused()),
        },
        _ => Ok(Value::Text(text)),
    }
}

/// Go reads infinities and then cannot write them as JSON.
fn finite(value: Value) -> Result<Value, String> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            Err("an infinity or no number, which JSON cannot hold".to_owned())
        }
        value => Ok(value),
    }
}

fn implicit(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => without_separators(&text).and_then(|text| decimal(&text)),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let compact = text.replace('_', "");
            whole(&compact)
                .map(Value::Integer)
                .or_else(|| decimal(&compact))
        }
        _ => None,
    };
    number.unwrap_or(Value::Text(text))
}

/// A whole number as Go's `strconv.ParseInt(text, 0, 64)` or `ParseUint` reads it.
fn whole(text: &str) -> Option<i128> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = rest.len() != text.len();
    let (radix, digits) = match rest.get(..2) {
        Some("0x" | "0X") => (16, rest.get(2..)?),
        Some("0o" | "0O") => (8, rest.get(2..)?),
        Some("0b" | "0B") => {
            let digits = rest.get(2..)?;
            // goyaml's own second attempt at binary numbers lets a sign stand behind the prefix.
            if let (false, Some(digits)) = (signed, digits.strip_prefix('-')) {
                return unsigned(digits, 2).and_then(|number| in_range(-number, true));
            }
            (2, digits)
        }
        _ if rest.len() > 1 && rest.starts_with('0') => (8, rest.get(1..)?),
        _ => (10, rest),
    };
    let number = unsigned(digits, radix)?;
    in_range(if negative { -number } else { number }, signed)
}

fn unsigned(digits: &str, radix: u32) -> Option<i128> {
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    i128::from_str_radix(digits, radix).ok()
}

fn in_range(number: i128, signed: bool) -> Option<i128> {
    let fits = i64::try_from(number).is_ok() || (!signed && u64::try_from(number).is_ok());
    fits.then_some(number)
}

/// The text without the underscores that Go's `strconv.ParseFloat` lets stand between digits; `None` where it does not.
fn without_separators(text: &str) -> Option<String> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let are_right = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| is_digit(bytes.get(at.wrapping_sub(1))) && is_digit(bytes.get(at + 1)));
    are_right.then(|| text.replace('_', ""))
}

/// A decimal number with optional fraction and exponent; nothing that overflows.
fn decimal(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !before.is_empty() || !after.is_empty();
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !has_digits || !digits(before) || !digits(after) || !exponent_is_right {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Value::Float(number))
}

/// A float as a key, as Go's `strconv.FormatFloat(number, 'g', -1, 32)` writes it.
#[expect(clippy::cast_possible_truncation, reason = "Go writes it in 32 bits")]
pub(super) fn float_key(number: f64) -> String {
    let number = number as f32;
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}
