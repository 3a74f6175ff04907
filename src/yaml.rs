//! YAML files of settings.

use serde::de::DeserializeOwned;

/// Reads a text; an empty one is the default. Keys given twice are an error, as are unknown ones where `T` denies
/// them.
///
/// # Errors
/// One line that begins with the line of the file where that is known.
pub(crate) fn read<T: DeserializeOwned + Default>(text: &str) -> Result<T, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let read = serde_saphyr::from_str_with_options::<Option<T>>(text, options);
    read.map(Option::unwrap_or_default).map_err(|error| {
        let reason = error.to_string().replace('\n', " ");
        match error.location() {
            // The reason ends with the place, too.
            Some(place) => {
                let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
                format!("line {}: {reason}", place.line())
            }
            None => reason,
        }
    })
}
