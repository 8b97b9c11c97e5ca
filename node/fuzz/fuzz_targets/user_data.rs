//! Any bytes as user data, on the whole way to a merged and checked configuration: no panic, no endless work.
//!
//! `docs/guide/check-a-configuration.md` has the command with seeds and limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use node::config::{Source, check, decode, excerpt, explain, merge, user_data};

fuzz_target!(|bytes: &[u8]| {
    let Ok(data) = user_data::split(bytes) else {
        return;
    };
    let mut trees = Vec::new();
    for (index, document) in data.documents.iter().enumerate() {
        let (source, problems) = decode::read(document, index);
        for problem in &problems {
            excerpt::render(problem, &data.documents);
        }
        if let Some(Source::NodeConfig(tree)) = source {
            trees.push(tree);
        }
    }
    let Ok(merged) = merge::merge(&trees) else {
        return;
    };
    explain(&merged, &trees.iter().collect::<Vec<_>>());
    // A tree that was read is one that the types hold, whatever is wrong with it.
    let config = merge::node_config(&merged).expect("the types hold what was read");
    for problem in check::all(&config, &merged, &data.documents) {
        excerpt::render(&problem, &data.documents);
    }
});
