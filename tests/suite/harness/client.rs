//! GraphQL over HTTP.

use serde_json::{Value as Json, json};

/// A GraphQL client.
#[derive(Clone)]
pub struct Client {
    url: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Json,
}

impl Answer {
    /// The data of an answer without errors.
    pub fn data(&self) -> anyhow::Result<&Json> {
        anyhow::ensure!(self.body.get("errors").is_none(), "errors in {self:?}");
        Ok(&self.body["data"])
    }

    /// The code of the only error.
    pub fn code(&self) -> anyhow::Result<&str> {
        match self.body["errors"].as_array().map(Vec::as_slice) {
            Some([error]) => error["extensions"]["code"]
                .as_str()
                .ok_or_else(|| anyhow::anyhow!("no code in {self:?}")),
            _ => anyhow::bail!("not one error in {self:?}"),
        }
    }
}

impl Client {
    /// A client of the server at this URL.
    pub fn new(url: String) -> Self {
        Self {
            url,
            token: None,
            http: reqwest::Client::new(),
        }
    }

    /// The same with a token.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: Some(token.into()),
            ..self.clone()
        }
    }

    /// For requests that are no GraphQL.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request with variables.
    pub async fn send(&self, query: &str, variables: Json) -> anyhow::Result<Answer> {
        self.post(&json!({ "query": query, "variables": variables })).await
    }

    /// Sends a whole request body.
    pub async fn post(&self, body: &Json) -> anyhow::Result<Answer> {
        let mut request = self.http.post(format!("{}/graphql", self.url)).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: response.json().await?,
        })
    }

    /// The data of a request that must succeed.
    pub async fn data(&self, query: &str, variables: Json) -> anyhow::Result<Json> {
        Ok(self.send(query, variables).await?.data()?.clone())
    }

    /// The error code of a request that must fail with one error.
    pub async fn code(&self, query: &str, variables: Json) -> anyhow::Result<String> {
        Ok(self.send(query, variables).await?.code()?.to_owned())
    }
}
