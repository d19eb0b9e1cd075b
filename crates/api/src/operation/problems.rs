//! The pages that the `type` of a problem refers to.

use actix_web::HttpResponse;
use actix_web::web::Path;

use crate::problem::{Code, Problem};

use super::html;

/// Describe a problem type
#[utoipa::path(
    get, path = "/problems/{code}", operation_id = "problem", tag = "documentation", params(("code" = String, Path, description = "The code of the problem type.")),
    responses((status = 200, description = "The meaning of the problem type and its remedy.", body = String, content_type = "text/html")),
)]
pub(crate) async fn page(code: Path<String>) -> Result<HttpResponse, Problem> {
    let code = Code::parse(&code).ok_or_else(|| Problem::new(Code::NotFound))?;
    let title = format!("{} · Doorward", code.title());
    Ok(html::page(&title, code.title(), &body(code)))
}

/// Nothing in it comes from a request.
fn body(code: Code) -> String {
    format!(
        "<p class=\"muted\"><code>{word}</code> with status {status}</p>\n\
         <h2>What it means</h2>\n<p>{meaning}</p>\n<h2>What to do</h2>\n<p>{remedy}</p>\n",
        word = code.as_str(),
        status = code.status().as_u16(),
        meaning = html::text(code.meaning()),
        remedy = html::text(code.remedy()),
    )
}
