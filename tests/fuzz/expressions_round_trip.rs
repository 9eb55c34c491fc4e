//! Any text at all is an expression or gets a message; what is an expression prints to a text that reads back as the
//! same program.

#![no_main]

use factor::{Schema, compile, parse, print};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let schema = Schema::open();
    let graph = match parse(text, &schema) {
        Ok(graph) => graph,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let Ok(program) = compile(&graph, &[]) else { return };
    let printed = print(&graph, graph.root(), &|_| None);
    let again = parse(&printed, &schema).unwrap_or_else(|error| panic!("`{text}` printed as `{printed}`: {error}"));
    let read = compile(&again, &[]).unwrap_or_else(|error| panic!("`{text}` printed as `{printed}`: {error}"));
    assert_eq!(program.hash, read.hash, "`{text}` printed as `{printed}`");
});
