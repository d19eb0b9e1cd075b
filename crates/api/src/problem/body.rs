//! The response body of a problem.

use doorward_domain::validation::Violation;
use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

/// The default response of every operation.
#[derive(ToResponse)]
#[response(
    description = "A problem (RFC 9457).",
    content_type = "application/problem+json"
)]
pub(crate) struct ProblemResponse(
    #[expect(dead_code, reason = "the type is what is documented")] ProblemBody<'static>,
);

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// The page that describes this `code`.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/invalid-credentials")]
    pub(super) problem_type: String,
    /// A short summary of the problem type.
    pub(super) title: &'a str,
    /// The HTTP status code.
    pub(super) status: u16,
    /// What is wrong with this particular request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) detail: Option<&'a str>,
    /// The problem type, for programs.
    #[schema(example = "invalid-credentials")]
    pub(super) code: &'a str,
    /// The id of the request, as in the server's log.
    pub(super) request_id: &'a str,
    /// For `validation`: the violations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) errors: Vec<ViolationBody<'a>>,
}

/// A validation rule that the request violates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Violation)]
pub(crate) struct ViolationBody<'a> {
    /// The invalid member: a JSON pointer (RFC 6901) into the body.
    #[schema(example = "/password")]
    pointer: &'a str,
    /// The rule, for programs.
    #[schema(example = "too-short")]
    code: &'a str,
    /// The rule, for people.
    detail: &'a str,
}

impl<'a> From<&'a Violation> for ViolationBody<'a> {
    fn from(violation: &'a Violation) -> Self {
        Self {
            pointer: &violation.pointer,
            code: violation.code,
            detail: &violation.detail,
        }
    }
}
