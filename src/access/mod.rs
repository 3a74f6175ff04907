//! Who may come in, and who may do what.

use crate::config::web::WebConfig;

/// The rules at this moment. Requests look at them; a reload replaces them.
#[derive(Debug, Default)]
pub struct Access {}

impl Access {
    /// Lets in whom `config` lets in, from now on.
    pub fn replace_web(&self, config: &WebConfig) {
        let _unused = config;
    }
}
