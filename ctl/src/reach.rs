//! How an agent is asked. Every answer says which way it came and how old it is.

pub mod console;
