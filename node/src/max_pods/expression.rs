//! `maxPodsExpression` of a NodeConfig: arithmetic in CEL, <https://github.com/google/cel-spec>, that ends in a number of pods.
//!
//! An expression comes from user data, and no user data may stop the agent or make it wait: length and nesting are bounded
//! before anything is parsed, because parser and evaluator recurse and a release build has no way back from an exhausted
//! stack; the macros over lists (`map`, `all`, …), whose cost is not bounded by their length, are refused. What is left
//! takes time and memory in proportion to its length: a millisecond or two.

use std::sync::Arc;

use cel::common::ast::{CallExpr, EntryExpr, Expr};
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};

use super::{InstanceType, Limits};

/// Longest expression, in bytes. A step for each of a dozen sizes of a family needs a third of it.
const MAXIMUM_LENGTH: usize = 1000;
/// Deepest nesting of brackets and of `? :`.
const MAXIMUM_DEPTH: u16 = 16;
/// Most operators, brackets and other punctuation: a chain of operators is a tree as deep as it is long. Measured on a stack
/// of 2 MiB, a release build takes five times as many.
const MAXIMUM_OPERATORS: usize = 200;

const ENIS: &str = "default_enis";
const ADDRESSES: &str = "ips_per_eni";
const MAX_PODS: &str = "max_pods";
const VCPUS: &str = "vcpus";
const MEMORY: &str = "physical_memory_mib";
/// Variables that an expression can use; the last two as newer versions of nodeadm have them,
/// <https://github.com/awslabs/amazon-eks-ami/pull/2777>.
pub const VARIABLES: [&str; 5] = [ENIS, ADDRESSES, MAX_PODS, VCPUS, MEMORY];

/// Names of types, which an expression can use as values: `type(max_pods) == int`.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];

/// Why an expression does not compile, or gives no number of pods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is too long.
    #[error("it has {length} bytes; at most {MAXIMUM_LENGTH} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It has too many operators.
    #[error("it has {operators} operators and brackets; at most {MAXIMUM_OPERATORS} are allowed")]
    TooManyOperators {
        /// How many it has.
        operators: usize,
    },
    /// It is nested too deeply.
    #[error("it is nested more than {MAXIMUM_DEPTH} levels deep")]
    TooDeep,
    /// It is no CEL.
    #[error("it is no CEL expression: {}{message}", place(*line, *column))]
    Syntax {
        /// Line of the expression from 1; 0 when the parser does not tell.
        line: usize,
        /// Column in that line from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// It uses a macro over lists.
    #[error(
        "it uses a macro over lists or maps, such as `map` or `exists`, which is not possible here"
    )]
    Macro,
    /// It uses a variable that does not exist.
    #[error("it uses `{name}`; there are only {}", VARIABLES.map(|name| format!("`{name}`")).join(", "))]
    UnknownVariable {
        /// The variable.
        name: String,
    },
    /// It uses something that is not known of the instance type.
    #[error("it uses `{variable}`, which is not known of this instance type")]
    NotKnown {
        /// The variable.
        variable: &'static str,
    },
    /// It does not evaluate.
    #[error("it does not evaluate: {reason}")]
    Evaluation {
        /// Why not.
        reason: String,
    },
    /// Its value is no number.
    #[error("its value is no number but {kind}")]
    NoNumber {
        /// What it is, with an article.
        kind: &'static str,
    },
    /// Its value cannot be a number of pods.
    #[error("its value is {value}, and max pods is from 1 to {}", i32::MAX)]
    OutOfRange {
        /// The value.
        value: String,
    },
}

fn place(line: usize, column: usize) -> String {
    match (line, column) {
        (0, _) => String::new(),
        (1, column) => format!("column {column}: "),
        (line, column) => format!("line {line}, column {column}: "),
    }
}

/// What an expression can use. The numbers are integers; what is `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variables {
    /// `default_enis` and `ips_per_eni`.
    pub limits: Option<Limits>,
    /// `max_pods`: what the node would have without the expression.
    pub max_pods: u32,
    /// `vcpus`.
    pub vcpus: Option<u32>,
    /// `physical_memory_mib`.
    pub memory_mebibytes: Option<u64>,
}

impl Variables {
    /// Those of an instance type of which all is known.
    pub fn of(instance_type: InstanceType, max_pods: u32) -> Self {
        Self {
            limits: Some(instance_type.limits),
            max_pods,
            vcpus: instance_type.vcpus,
            memory_mebibytes: instance_type.memory_mebibytes,
        }
    }

    fn value(&self, name: &str) -> Option<i64> {
        match name {
            ENIS => self.limits.map(|limits| limits.enis.into()),
            ADDRESSES => self.limits.map(|limits| limits.ipv4_per_eni.into()),
            MAX_PODS => Some(self.max_pods.into()),
            VCPUS => self.vcpus.map(Into::into),
            MEMORY => self
                .memory_mebibytes
                .and_then(|memory| i64::try_from(memory).ok()),
            _ => None,
        }
    }
}

/// A compiled expression.
pub struct Expression {
    program: IdedExpr,
    environment: Arc<Env>,
    /// The variables that it uses.
    uses: Vec<&'static str>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Expression")
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

/// Compiles an expression and checks what can be checked without an instance type: its variables, its functions, and that
/// its value is a number.
///
/// ```
/// use node::max_pods::expression::{Variables, compile};
/// use node::max_pods::{Limits, Table};
/// let expression = compile("default_enis * (ips_per_eni - 1)").unwrap();
/// let m7g = Table::embedded().find("m7g.xlarge").unwrap();
/// assert_eq!(expression.evaluate(&Variables::of(m7g, 58)), Ok(56));
/// assert!(compile("max_pod - 1").is_err());
/// ```
pub fn compile(text: &str) -> Result<Expression, Error> {
    if text.len() > MAXIMUM_LENGTH {
        return Err(Error::TooLong { length: text.len() });
    }
    let operators = text.bytes().filter(|byte| is_operator(*byte)).count();
    if operators > MAXIMUM_OPERATORS {
        return Err(Error::TooManyOperators { operators });
    }
    if bracket_depth(text) > MAXIMUM_DEPTH {
        return Err(Error::TooDeep);
    }
    let program = Parser::new()
        .max_recursion_depth(MAXIMUM_DEPTH)
        .error_recovery_limit(1)
        .parse(text)
        .map_err(|errors| syntax_error(&errors))?;
    if has_macro(&program) {
        return Err(Error::Macro);
    }
    let uses = variables(&program)?;
    let expression = Expression {
        program,
        environment: Arc::new(Env::stdlib()),
        uses,
    };
    // Tried with numbers of an ordinary machine, an expression shows functions that do not exist and types that do not fit;
    // what depends on the numbers, such as a division by zero, is no fault of it yet.
    let ordinary = Variables {
        limits: Some(Limits {
            enis: 3,
            ipv4_per_eni: 10,
        }),
        max_pods: 29,
        vcpus: Some(2),
        memory_mebibytes: Some(8192),
    };
    match expression.run(&ordinary) {
        Err(
            error @ (ExecutionError::UndeclaredReference(_)
            | ExecutionError::NoSuchOverload(_)
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::UnsupportedTargetType { .. }),
        ) => return Err(evaluation_error(&error)),
        Err(_) => {}
        Ok(value) => {
            if let Err(error @ Error::NoNumber { .. }) = pods(&value) {
                return Err(error);
            }
        }
    }
    Ok(expression)
}

impl Expression {
    /// The number of pods.
    pub fn evaluate(&self, variables: &Variables) -> Result<u32, Error> {
        for variable in &self.uses {
            if variables.value(variable).is_none() {
                return Err(Error::NotKnown { variable });
            }
        }
        let value = self
            .run(variables)
            .map_err(|error| evaluation_error(&error))?;
        pods(&value)
    }

    fn run(&self, variables: &Variables) -> Result<Value, ExecutionError> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        for name in &self.uses {
            if let Some(value) = variables.value(name) {
                context.add_variable_from_value(*name, value);
            }
        }
        Value::resolve(&self.program, &context)
    }
}

fn is_operator(byte: u8) -> bool {
    byte.is_ascii_punctuation() && byte != b'_'
}

/// How deep brackets are nested. What stands in strings counts too: they have no use here.
fn bracket_depth(text: &str) -> u16 {
    let (mut depth, mut deepest) = (0_u16, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth = depth.saturating_add(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn syntax_error(errors: &cel::ParseErrors) -> Error {
    let first = errors.errors.first();
    let position = |position: isize| usize::try_from(position).unwrap_or(0);
    let message = first.map_or("", |error| error.msg.as_str());
    if message.contains("Recursion limit") {
        return Error::TooDeep;
    }
    Error::Syntax {
        line: first.map_or(0, |error| position(error.pos.0)),
        column: first.map_or(0, |error| position(error.pos.1)),
        message: one_line(message),
    }
}

fn evaluation_error(error: &ExecutionError) -> Error {
    Error::Evaluation {
        reason: one_line(&error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    const LONGEST: usize = 160;
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// The variables that an expression uses, each once and in the order of [`VARIABLES`].
fn variables(program: &IdedExpr) -> Result<Vec<&'static str>, Error> {
    let references = program.references();
    let mut unknown: Vec<&str> = references
        .variables()
        .into_iter()
        .filter(|name| !VARIABLES.contains(name) && !TYPES.contains(name))
        .collect();
    unknown.sort_unstable();
    if let Some(name) = unknown.first() {
        return Err(Error::UnknownVariable {
            name: (*name).to_owned(),
        });
    }
    Ok(VARIABLES
        .into_iter()
        .filter(|name| references.has_variable(name))
        .collect())
}

fn has_macro(expression: &IdedExpr) -> bool {
    let in_entries = |entries: &[cel::common::ast::IdedEntryExpr]| {
        entries.iter().any(|entry| match &entry.expr {
            EntryExpr::StructField(field) => has_macro(&field.value),
            EntryExpr::MapEntry(entry) => has_macro(&entry.key) || has_macro(&entry.value),
        })
    };
    match &expression.expr {
        Expr::Comprehension(_) => true,
        Expr::Call(CallExpr { target, args, .. }) => {
            target.as_deref().is_some_and(has_macro) || args.iter().any(has_macro)
        }
        Expr::List(list) => list.elements.iter().any(has_macro),
        Expr::Select(select) => has_macro(&select.operand),
        Expr::Map(map) => in_entries(&map.entries),
        Expr::Struct(object) => in_entries(&object.entries),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => false,
    }
}

/// A value as CEL's `int()` converts it: fractions are cut off, and text may hold a whole number.
fn pods(value: &Value) -> Result<u32, Error> {
    let out_of_range = |value: String| Error::OutOfRange { value };
    let whole = match value {
        Value::Int(number) => i128::from(*number),
        Value::UInt(number) => i128::from(*number),
        Value::Float(number) => {
            let whole = number.trunc();
            if !(1.0..=f64::from(i32::MAX)).contains(&whole) {
                return Err(out_of_range(number.to_string()));
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "its range is checked above"
            )]
            let whole = whole as i128;
            whole
        }
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => i128::from(number),
            Err(_) => return Err(Error::NoNumber { kind: "text" }),
        },
        Value::Bool(_) => return Err(Error::NoNumber { kind: "a boolean" }),
        Value::List(_) => return Err(Error::NoNumber { kind: "a list" }),
        Value::Map(_) => return Err(Error::NoNumber { kind: "a map" }),
        Value::Null => return Err(Error::NoNumber { kind: "null" }),
        _ => {
            return Err(Error::NoNumber {
                kind: "something else",
            });
        }
    };
    i32::try_from(whole)
        .ok()
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| out_of_range(whole.to_string()))
}

#[cfg(test)]
mod tests;
