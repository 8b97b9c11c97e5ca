//! How an agent is asked. Every answer says which way it came and how old it is.
//!
//! | way | what it is | works |
//! |---|---|---|
//! | `api` | the annotation of the Node | when the node has joined; nobody is asked, so it is as old as the last change |
//! | `console` | the verdict on the instance's serial console | without network, role or API server |
//! | `ssm` | Run Command of Systems Manager | when the SSM agent has reported, joined or not |
//! | `forward` | the agent's own TLS listener, with a token for it alone | when the node's address can be reached |

pub mod agent;
pub mod ask;
pub mod console;
pub mod forward;
pub mod ssm;
mod way;

pub use way::{Reach, Way};
