//! Lists in pages.

use serde::Deserialize;
use service_kit::status::Violations;
use utoipa::IntoParams;

use crate::{fields, problem::Problem};

/// Which page is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most this many; default 50, never more than 200.
    #[param(value_type = Option<i32>, nullable = false, minimum = 0, maximum = 2_147_483_647, example = 50)]
    pub(crate) page_size: Option<String>,
    /// The `next_page_token` of the page before.
    #[param(nullable = false)]
    pub(crate) page_token: Option<String>,
}

impl PageQuery {
    /// The page's size and token, as the services take them.
    ///
    /// # Errors
    ///
    /// When the size is no number.
    pub(crate) fn read(self) -> Result<(i32, String), Problem> {
        let mut violations = Violations::default();
        let page_size = page_size(&mut violations, self.page_size.as_deref());
        if violations.is_empty() {
            Ok((page_size, self.page_token.unwrap_or_default()))
        } else {
            Err(Problem::invalid(violations))
        }
    }
}

/// How many rows a page may have.
pub(crate) fn page_size(violations: &mut Violations, text: Option<&str>) -> i32 {
    fields::plain(violations, "page_size", text, "a whole number")
}

/// The token of the next page; `None` after the last.
pub(crate) fn next_page(token: String) -> Option<String> {
    Some(token).filter(|token| !token.is_empty())
}
