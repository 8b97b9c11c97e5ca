//! What a call of EKS asks for: its JSON body and its query, read with the checks that the API's model makes.

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::fault::Fault;
use super::words;
use crate::cloud::uri;

/// The members of a request.
#[derive(Debug)]
pub(super) struct Request {
    members: Map<String, Value>,
    query: String,
    /// Region that the call is signed for.
    pub(super) region: String,
}

impl Request {
    pub(super) fn read(call: &Call) -> Result<Self, Fault> {
        Ok(Self {
            members: members(&call.body)?,
            query: call.head.uri.query().unwrap_or_default().to_owned(),
            region: call.region.clone(),
        })
    }

    /// A member; null where there is none.
    pub(super) fn get(&self, name: &str) -> &Value {
        self.members.get(name).unwrap_or(&Value::Null)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.get(name).is_null()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    /// A text that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Fault> {
        let missing = || words::invalid(format!("{name} can't be blank!"));
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(missing)
    }

    /// A member, or what holds where it is not given.
    pub(super) fn or(&self, name: &str, default: Value) -> Value {
        match self.get(name) {
            Value::Null => default,
            value => value.clone(),
        }
    }

    /// Texts of a list of the body.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        texts(self.get(name))
    }

    /// All members of the body.
    pub(super) fn all(&self) -> Value {
        Value::Object(self.members.clone())
    }

    /// A request with other members.
    pub(super) fn with(&self, members: &Value) -> Self {
        Self {
            members: members.as_object().cloned().unwrap_or_default(),
            query: self.query.clone(),
            region: self.region.clone(),
        }
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        uri::query_value(&self.query, name)
    }

    /// All values of a parameter of the query.
    pub(super) fn query_all(&self, name: &str) -> Vec<String> {
        uri::query_values(&self.query, name)
    }

    /// Token and parameters of a call that may be repeated; `None` for one without a token.
    pub(super) fn token(&self) -> Option<super::state::Token> {
        let mut parameters = self.members.clone();
        let token = parameters.remove("clientRequestToken")?;
        Some(super::state::Token {
            token: token.as_str()?.to_owned(),
            parameters: Value::Object(parameters),
        })
    }

    /// One page of names, with the token of the next: `{ MEMBER: […], "nextToken": … }`.
    pub(super) fn page<T: Into<Value>>(
        &self,
        member: &str,
        all: impl IntoIterator<Item = T>,
    ) -> Result<Value, Fault> {
        let most = match self.query("maxResults") {
            None => 100,
            Some(text) => text
                .parse()
                .ok()
                .filter(|most| (1..=100).contains(most))
                .ok_or_else(|| words::invalid("maxResults must be between 1 and 100"))?,
        };
        let start: usize = match self.query("nextToken") {
            None => 0,
            Some(token) => token
                .strip_prefix("page-")
                .and_then(|start| start.parse().ok())
                .ok_or_else(|| words::invalid("nextToken is invalid"))?,
        };
        let all: Vec<Value> = all.into_iter().map(Into::into).collect();
        let page: Vec<&Value> = all.iter().skip(start).take(most).collect();
        let end = start + page.len();
        let next = (end < all.len()).then(|| format!("page-{end}"));
        Ok(json!({ member: page, "nextToken": next }))
    }
}

/// The texts of a list; none of what is no list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn members(body: &Bytes) -> Result<Map<String, Value>, Fault> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|error| words::invalid(format!("the body is no JSON object: {error}")))
}
