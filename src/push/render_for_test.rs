//! Renders a decoded push as one text, for tests.

use super::{Batch, Rejected};
use crate::exposition::write_header;

/// The exposition that the batch is, or the reason why there is none.
pub(crate) fn render_for_test(decoded: Result<Batch, Rejected>) -> Result<String, String> {
    let batch = decoded.map_err(|rejected| match rejected {
        Rejected::Syntax(error) => error.to_string(),
        Rejected::Refused(refusal) => format!("refused: {refusal}"),
        Rejected::TooLarge(_) => "too large".to_owned(),
        Rejected::NoRoom => "no room".to_owned(),
    })?;
    let mut out = Vec::new();
    for family in &batch.families {
        write_header(&mut out, batch.name(family), family.kind, batch.help(family));
        out.extend_from_slice(batch.text(family));
        let lines = batch.text(family).iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(lines, family.samples as usize);
    }
    Ok(String::from_utf8(out).expect("an exposition is UTF-8"))
}
