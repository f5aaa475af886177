//! The schema, ready to execute requests: the server uses nothing else of GraphQL.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::dynamic::Schema;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Request, Response, ServerError, Value};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use seachange_changelog::log::INTERIM;
use seachange_changelog::{Context, TrackedConnection};
use serde_json::{Value as Json, json};

use super::budget::AnswerBudget;
use super::caller::Caller;
use super::change::with_head;
use super::committed::Committed;
use super::error::{Refusal, finish, refusal};
use super::guard;
use super::live::{Live, Payload, Rendering, Role, listen};
use super::offline::Rejections;
use super::operation_kind::OperationKind;
use super::prepared::{Analysis, Prepared};
use super::prerendered::Prerendered;
use super::related::Batches;
use crate::feed::{Cursor, Feed};
use crate::limits::Limits;
use crate::service::code::ErrorCode;
use crate::service::key::Keyed;

/// Executes requests. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
    db: TrackedConnection,
    limits: Limits,
    /// What our subscriptions listen to; `None` in a schema without any.
    live: Option<Live>,
}

/// A request that passed all checks, and has everything but its document.
struct Ready {
    request: Request,
    document: ExecutableDocument,
    start_variables: BTreeSet<Name>,
    budget: AnswerBudget,
}

/// One answer to an operation.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The answer to this operation alone.
    Response(Box<Response>),
    /// An answer shared by all who want the same: some payloads of a subscription, in order.
    Payloads(Vec<Arc<Payload>>),
    /// No answer: a client of sync must connect again and pull. An error would end its replication for good.
    ConnectAgain,
}

impl Answer {
    fn of(response: Response) -> Self {
        Self::Response(Box::new(response))
    }
}

impl Api {
    pub(crate) fn new(schema: Schema, db: TrackedConnection, limits: Limits) -> Self {
        Self {
            schema,
            db,
            limits,
            live: None,
        }
    }

    /// Adds subscriptions that follow the feed.
    pub(super) fn with_live(self, feed: Feed) -> Self {
        let live = Some(Live::start(feed, self.schema.clone()));
        Self { live, ..self }
    }

    /// A position up to which all changes can be read; `None` in a schema without subscriptions.
    pub(crate) fn position(&self) -> Option<Cursor> {
        self.live.as_ref().map(|live| live.feed.newest_known())
    }

    /// Answers a query or mutation. If the future is dropped, the request ends at its next field: a client that
    /// goes away must not cut off a statement or a transaction, which the database drivers do not survive.
    pub(crate) async fn execute(&self, prepared: Prepared, caller: Caller) -> Response {
        let Ready {
            mut request,
            document,
            budget,
            ..
        } = match self.ready(prepared, caller) {
            Ok(ready) => ready,
            Err(fault) => return faulty(fault),
        };
        request.set_parsed_query(document);
        let _waiting = budget.reads.while_waited_for();
        let (rejections, committed) = (Rejections::default(), Committed::default());
        let request = request
            .data(rejections.clone())
            .data(committed.clone())
            .data(Prerendered::default());
        let schema = self.schema.clone();
        let live = self.live.clone();
        let answering = async move {
            let request = match &live {
                Some(live) => with_head(&live.feed, request).await,
                None => request,
            };
            schema.execute(request).await
        };
        match tokio::spawn(answering).await {
            Ok(response) => committed.add_to(rejections.add_to(finish(response))),
            Err(error) => failed(error),
        }
    }

    /// Answers any operation as a stream: one answer for a query or mutation. A subscription continues after the
    /// cursor `resume`, if there is one, whatever its arguments say.
    pub(crate) fn execute_stream(
        &self,
        prepared: Prepared,
        caller: Caller,
        resume: Option<String>,
    ) -> BoxStream<'static, Answer> {
        if prepared.kind() != OperationKind::Subscription {
            let api = self.clone();
            let answer = async move { Answer::of(api.execute(prepared, caller).await) };
            return stream::once(answer).boxed();
        }
        match self.ready(prepared, caller) {
            Ok(ready) => self.subscribe(ready, resume),
            Err(fault) => stream::iter([Answer::of(faulty(fault))]).boxed(),
        }
    }

    /// Executes the document. An adopter's subscription yields its items; one of ours yields only its plan, and
    /// then listens.
    fn subscribe(&self, ready: Ready, resume: Option<String>) -> BoxStream<'static, Answer> {
        let Ready {
            mut request,
            document,
            start_variables,
            budget,
        } = ready;
        let role = Role::plan();
        let rendering = Rendering::of(&request, document.clone(), start_variables, budget);
        request.set_parsed_query(document);
        let responses = self.schema.execute_stream(request.data(Arc::clone(&role)));
        let responses = AssertUnwindSafe(responses).catch_unwind();
        let answers = responses.map(|answer| answer.map_or_else(panicked, finish));
        let live = self.live.clone();
        // A resumed stream would reach the same item again, so it reports the error instead.
        let is_resumed = resume.is_some();
        let listening = stream::once(async move {
            match (live, role.take_plan()) {
                (Some(live), Some(plan)) => match plan.resumed(resume) {
                    Ok(plan) => {
                        let is_pulled = plan.watched.is_pulled();
                        let must_be_whole = is_pulled && !is_resumed;
                        let heard = listen(live, plan, rendering);
                        heard
                            .map(move |heard| match heard {
                                Ok(payloads) if must_be_whole => payloads_or_reconnect(payloads),
                                Ok(payloads) => Answer::Payloads(payloads),
                                Err(refusal) if is_pulled => connect_again(&refusal),
                                Err(refusal) => refused(refusal),
                            })
                            .boxed()
                    }
                    Err(refusal) => stream::iter([refused(refusal)]).boxed(),
                },
                _ => stream::empty().boxed(),
            }
        });
        answers.map(Answer::of).chain(listening.flatten()).boxed()
    }

    /// Checks the request, and adds to it the caller's connection, which records who writes and why, and its
    /// budget.
    fn ready(&self, prepared: Prepared, caller: Caller) -> Result<Ready, ServerError> {
        let (mut request, analysis) = prepared.into_parts()?;
        let Analysis {
            document,
            names,
            variables,
            start_variables,
        } = analysis;
        names.check(self.limits.request_fields)?;
        let budget = AnswerBudget::new(&self.limits, names);
        let absent = guard::fill_variables(&mut request.variables, variables)?;
        let metadata = self.metadata(&request)?;
        guard::check_roots(&document)?;
        let context = Context {
            actor: caller.actor.clone(),
            mutation_id: caller.idempotency_key.clone(),
            metadata,
        };
        // With a lifetime of zero a key is recorded, but no answer is kept.
        if !self.limits.idempotency.is_zero()
            && let Some(key) = &caller.idempotency_key
        {
            let keyed = Keyed::new(
                caller.actor.clone(),
                key.clone(),
                &request_identity(&request),
            );
            request = request.data(keyed);
        }
        let db = self.db.with_context(context);
        let request = request.data(db).data(caller).data(absent);
        Ok(Ready {
            request: request.data(budget.clone()).data(Batches::default()),
            document,
            start_variables,
            budget,
        })
    }

    fn metadata(
        &self,
        request: &Request,
    ) -> Result<Option<serde_json::Map<String, Json>>, ServerError> {
        let most = self.limits.metadata_bytes;
        let json = match request.extensions.get("metadata") {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.clone().into_json(),
        };
        match json {
            Ok(json) if json.to_string().len() > most => Err(refusal(
                ErrorCode::LimitExceeded,
                format!("`extensions.metadata` has at most {most} bytes"),
            )),
            Ok(Json::Object(mut metadata)) => {
                metadata.remove(INTERIM);
                Ok(Some(metadata))
            }
            _ => Err(refusal(
                ErrorCode::BadInput,
                "`extensions.metadata` is an object",
            )),
        }
    }
}

/// What distinguishes a request from others under the same key.
fn request_identity(request: &Request) -> Json {
    let variables = serde_json::to_value(&request.variables).unwrap_or_default();
    json!([request.operation_name, request.query, variables])
}

/// The answer to a request that is not executed.
fn faulty(fault: ServerError) -> Response {
    finish(Response::from_errors(vec![fault]))
}

/// The payloads, unless one of them lacks rows that are larger than an answer may be or not readable just now.
fn payloads_or_reconnect(payloads: Vec<Arc<Payload>>) -> Answer {
    match payloads.iter().find_map(|payload| payload.errors.first()) {
        None => Answer::Payloads(payloads),
        Some(error) => {
            tracing::debug!(reason = %error.message, "a stream's rows are to be pulled");
            Answer::ConnectAgain
        }
    }
}

fn connect_again(refusal: &Refusal) -> Answer {
    tracing::debug!(reason = %refusal.message, "a stream cannot go on");
    Answer::ConnectAgain
}

/// The error that ends a subscription.
fn refused(refusal: Refusal) -> Answer {
    Answer::of(refusal.into())
}

/// The answer to a request whose task ended without one.
fn failed(error: tokio::task::JoinError) -> Response {
    match error.try_into_panic() {
        Ok(panic) => panicked(panic),
        Err(error) => Refusal::internal(&error).into(),
    }
}

/// The answer to a request in which a resolver panicked; other requests are not affected.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Refusal::internal(&format!("panic: {text}")).into()
}
