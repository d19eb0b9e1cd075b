//! Problems as they are answered.

use doorward_domain::validation::Violation;
use serde::Serialize;
use utoipa::{ToResponse, ToSchema};

/// Every answer that is not the one asked for.
#[derive(ToResponse)]
#[response(
    description = "A problem (RFC 9457).",
    content_type = "application/problem+json"
)]
pub(crate) struct ProblemResponse(
    #[expect(dead_code, reason = "the type is what is documented")] ProblemBody<'static>,
);

/// A problem as it is answered (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// The address of the page that explains `code`.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/invalid-credentials")]
    pub(super) problem_type: String,
    /// The kind of problem in a few words.
    pub(super) title: &'a str,
    /// The status of the answer.
    pub(super) status: u16,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) detail: Option<&'a str>,
    /// The kind of problem, for programs.
    #[schema(example = "invalid-credentials")]
    pub(super) code: &'a str,
    /// Names the request in the server's log.
    pub(super) request_id: &'a str,
    /// With `validation`: each rule that was broken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) errors: Vec<ViolationBody<'a>>,
}

/// A rule that the request broke.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Violation)]
pub(crate) struct ViolationBody<'a> {
    /// Where: an RFC 6901 JSON pointer into the body.
    #[schema(example = "/password")]
    pointer: &'a str,
    /// Which rule, for programs.
    #[schema(example = "too-short")]
    code: &'a str,
    /// The rule in words.
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
