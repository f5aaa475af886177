//! GraphQL over HTTP.

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use super::answer::Answer;

/// A GraphQL client.
#[derive(Clone)]
pub struct Client {
    url: String,
    headers: HeaderMap,
    http: reqwest::Client,
}

impl Client {
    /// A client of the server at this URL.
    pub fn new(url: String) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
            http: reqwest::Client::new(),
        }
    }

    /// The same with a token.
    pub fn with_token(&self, token: impl AsRef<str>) -> Self {
        self.with_header("authorization", &format!("Bearer {}", token.as_ref()))
    }

    /// The same with a header in each request.
    pub fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        let value = HeaderValue::from_str(value).expect("a header's value");
        client.headers.insert(HeaderName::from_static(name), value);
        client
    }

    /// For requests that are no GraphQL.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request with variables.
    pub async fn send(&self, query: &str, variables: Json) -> anyhow::Result<Answer> {
        self.post(&json!({ "query": query, "variables": variables }))
            .await
    }

    /// Sends a whole request body.
    pub async fn post(&self, body: &Json) -> anyhow::Result<Answer> {
        self.post_text(body.to_string()).await
    }

    /// Sends bytes as a request body.
    pub async fn post_text(&self, body: impl Into<reqwest::Body>) -> anyhow::Result<Answer> {
        let request = self.http.post(self.endpoint()).body(body);
        self.answer(request.header("content-type", "application/json"))
            .await
    }

    /// Sends a request body with headers, and leaves the answer unread.
    pub async fn raw(
        &self,
        body: &Json,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<reqwest::Response> {
        let request = self.http.post(self.endpoint()).body(body.to_string());
        let request = request.headers(self.headers.clone());
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        Ok(request
            .header("content-type", "application/json")
            .send()
            .await?)
    }

    /// Sends a request in the query string.
    pub async fn get(&self, parameters: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let url = reqwest::Url::parse_with_params(&self.endpoint(), parameters)?;
        self.answer(self.http.get(url)).await
    }

    fn endpoint(&self) -> String {
        format!("{}/graphql", self.url)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
        let response = request.headers(self.headers.clone()).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text)
            .map_err(|error| anyhow::anyhow!("{error} in {status} {text:.500}"))?;
        Answer::new(status, body)
    }

    /// The data of a request that must succeed.
    pub async fn data(&self, query: &str, variables: Json) -> anyhow::Result<Json> {
        Ok(self.send(query, variables).await?.data()?.clone())
    }

    /// The error code of a request that must fail with one error.
    pub async fn code(&self, query: &str, variables: Json) -> anyhow::Result<String> {
        let answer = self.send(query, variables).await?;
        Ok(answer.code().context(format!("{query:.300}"))?.to_owned())
    }
}
