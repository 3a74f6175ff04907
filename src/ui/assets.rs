//! Style sheets, scripts and pictures, which are part of the program.

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

/// A file that pages ask for.
#[derive(Debug)]
pub struct Asset {
    /// Its name, behind `/static/`.
    pub name: &'static str,
    /// Its content type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
const ASSETS: &[Asset] = &[
    Asset { name: "app.css", content_type: CSS, bytes: include_bytes!("assets/app.css") },
    Asset { name: "app.js", content_type: SCRIPT, bytes: include_bytes!("assets/app.js") },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        bytes: include_bytes!("assets/icon.svg"),
    },
    Asset { name: "plots.js", content_type: SCRIPT, bytes: include_bytes!("assets/plots.js") },
    Asset {
        name: "uplot.min.js",
        content_type: SCRIPT,
        bytes: include_bytes!("assets/vendor/uPlot.iife.min.js"),
    },
    Asset {
        name: "uplot.min.css",
        content_type: CSS,
        bytes: include_bytes!("assets/vendor/uPlot.min.css"),
    },
];

/// The assets for the plots of the overview, in loading order.
pub(crate) const PLOTS: &[&str] = &["uplot.min.css", "uplot.min.js", "plots.js"];

/// Their hashes, in their order.
static HASHES: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| format!("{:016x}", xxh3_64(asset.bytes))).collect());

/// The asset of this name, with the hash of its content.
pub fn asset(name: &str) -> Option<(&'static Asset, &'static str)> {
    let at = ASSETS.iter().position(|asset| asset.name == name)?;
    Some((&ASSETS[at], &HASHES[at]))
}

/// The hash of the asset of this name; empty if there is no such asset.
pub(crate) fn hash(name: &str) -> &'static str {
    asset(name).map_or("", |(_, hash)| hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_hash_of_its_own() {
        let mut hashes: Vec<_> = ASSETS.iter().map(|asset| hash(asset.name)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), ASSETS.len());
        assert!(hashes.iter().all(|hash| hash.len() == 16));
        assert!(asset("../mod.rs").is_none() && PLOTS.iter().all(|name| asset(name).is_some()));
    }
}
