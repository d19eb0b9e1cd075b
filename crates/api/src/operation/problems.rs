//! The pages that the `type` of a problem refers to.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Path;

use crate::problem::{Code, Problem};

/// Describe a problem type
#[utoipa::path(
    get, path = "/problems/{code}", operation_id = "problem", tag = "documentation", params(("code" = String, Path, description = "The code of the problem type.")),
    responses((status = 200, description = "The meaning of the problem type and its remedy.", body = String, content_type = "text/html")),
)]
pub(crate) async fn page(code: Path<String>) -> Result<HttpResponse, Problem> {
    let code = Code::parse(&code).ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(render(code)))
}

/// Renders the page. Nothing in it comes from a request, so nothing is escaped.
fn render(code: Code) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n\
         <h1>{title}</h1>\n<p><code>{word}</code>, status {status}</p>\n\
         <h2>What it means</h2>\n<p>{meaning}</p>\n<h2>What to do</h2>\n<p>{remedy}</p>\n</body>\n</html>\n",
        title = code.title(),
        word = code.as_str(),
        status = code.status().as_u16(),
        meaning = code.meaning(),
        remedy = code.remedy(),
    )
}
