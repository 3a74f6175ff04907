//! The pages for people, as endpoints. `crate::ui` knows what they look like.
//!
//! `site` is what all pages share, `page` makes answers of them, and `error_page` answers where a page cannot be shown.
//! `overview`, `status` and `rejections` show the gateway, `replicas` its replica set, `expired` groups that are gone, and `views` groups and jobs, which `group_scan` goes through. `console` checks
//! pushes. `watch` knows what the last push to a group has changed. `forms` deletes, behind `guard` and `token`, which tell our forms from those of other sites.

pub(crate) mod console;
pub(crate) mod error_page;
pub(crate) mod expired;
pub(crate) mod forms;
pub(crate) mod group_scan;
pub(crate) mod guard;
pub(crate) mod overview;
pub(crate) mod page;
pub(crate) mod rejections;
pub(crate) mod replicas;
pub(crate) mod site;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod views;
pub(crate) mod watch;
