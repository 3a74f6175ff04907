//! The folders that are fuzzed, without those behind them: what serves, and above all what it is built from, takes
//! minutes to build with a fuzzer's flags.

#![expect(dead_code, unused_imports, reason = "much of them is for the folders behind them")]

#[path = "../src/aggregate/mod.rs"]
pub mod aggregate;
#[path = "../src/duration.rs"]
pub mod duration;
#[path = "../src/exposition/mod.rs"]
pub mod exposition;
#[path = "../src/import/gob/mod.rs"]
pub mod gob;
#[path = "../src/persist/mod.rs"]
pub mod persist;
#[path = "../src/push/mod.rs"]
pub mod push;
#[path = "../src/rules/mod.rs"]
pub mod rules;
#[path = "../src/selector/mod.rs"]
pub mod selector;
#[path = "../src/shard/mod.rs"]
pub mod shard;
#[path = "../src/yaml.rs"]
pub mod yaml;
