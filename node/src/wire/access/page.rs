//! The page of the routes, `docs/reference/endpoints.md`: written from [`ROUTES`], so that it cannot differ from them.

use std::fmt::Write as _;

use super::{AUDIENCE, GROUP, LOOPBACK_PORT, RESOURCE, ROUTES, TLS_PORT, VERB};
use crate::generated;

fn page() -> String {
    let mut page = format!(
        "# Endpoints of the agent

This page is generated from the table that the agent decides by; `UPDATE=1 make unit` writes it.

| where | when | who is answered |
|---|---|---|
| unix socket `/run/nodeagent/agent.sock` | always | root and the group `nodeagent` |
| `127.0.0.1:{LOOPBACK_PORT}`, plain HTTP | `serve.loopback: true` | whoever sends the token in `/run/nodeagent/token` (root and the group `nodeagent` can read it; a new one at each boot) as `Authorization: Bearer` |
| every address of the node, port {TLS_PORT} (`serve.tlsPort`), TLS 1.2 or 1.3 | `serve.tls: true` | who may `{VERB}` the subresource below of `{RESOURCE}.{GROUP}` with the node's name, by the cluster's access control |

All three answer the same paths, GET only, without a body. How to ask over the network:
[ask-an-agent.md](../guide/ask-an-agent.md).

| path | parameters | subresource | answer |
|---|---|---|---|
"
    );
    for route in ROUTES {
        let parameters = match route.parameters {
            "" => String::new(),
            parameters => format!("`?{parameters}`"),
        };
        let (path, doc) = (route.path, route.doc);
        let subresource = route.subresource.as_str();
        writeln!(
            page,
            "| `{path}` | {parameters} | `{subresource}` | {doc} |"
        )
        .unwrap();
    }
    write!(page, "{}", statuses()).unwrap();
    page
}

fn statuses() -> String {
    format!(
        "
| status | means |
|---|---|
| 400 | a parameter is not understood |
| 401 | no token, or one that does not count here: not a token of a service account, of another audience than `{AUDIENCE}` or of several, expired, unknown to the cluster. On loopback: not the token of this boot. Nothing else is said |
| 403 | the token counts, and its owner may not `{VERB}` the subresource; the answer says which |
| 404 | no such path; no such unit |
| 405 | not GET |
| 429 | as much is answered already as may be at a time, or strangers have asked too often; ask again |
| 503 | of `/livez`, `/readyz`, `/healthz`: not well. Over TLS also: the API server cannot be asked whether the caller may, with the reason. Nothing is answered unasked |

Over the network nothing is open, `/livez` neither: a stranger learns from no path whether the node is well. While the
API server is away a caller who was allowed in the last ten seconds is still answered, and nobody else. The socket and
loopback never depend on it.
"
    )
}

#[test]
fn the_checked_in_page_of_the_routes_is_the_one_of_the_table() {
    generated::is_current("docs/reference/endpoints.md", &page());
}
