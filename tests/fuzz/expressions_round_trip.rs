//! Any text at all is an expression, in our words or those of others, or gets a message; what is an expression prints
//! as text and as JSON that read back as the same program.

#![no_main]

use factor::{
    Dialect, FactorGraph, Program, Schema, compile, parse, parse_dialect, parse_dialect_nearest, parse_json,
    print_factors, print_json,
};
use libfuzzer_sys::fuzz_target;

fn reads_back(text: &str, graph: &FactorGraph, program: &Program, schema: &Schema) {
    let json = print_json(graph).expect("a graph without a cycle");
    let again = parse_json(&json).unwrap_or_else(|error| panic!("`{text}` as {json}: {error}"));
    assert!(again == *graph, "`{text}` as {json}");
    let printed = print_factors(graph).expect("a graph without a cycle");
    // A graph that shares more than a text can hold prints as several named lines.
    if printed.lines().count() == 1 {
        let again = parse(printed.trim_end(), schema).unwrap_or_else(|error| panic!("`{text}` printed as `{printed}`: {error}"));
        let read = compile(&again, &[]).unwrap_or_else(|error| panic!("`{text}` printed as `{printed}`: {error}"));
        assert_eq!(program.hash, read.hash, "`{text}` printed as `{printed}`");
    }
}

fuzz_target!(|text: &str| {
    let schema = Schema::open();
    let mut graphs = vec![parse(text, &schema)];
    for dialect in Dialect::ALL {
        graphs.push(parse_dialect(text, dialect, &schema));
        graphs.push(parse_dialect_nearest(text, dialect, &schema).map(|(graph, _)| graph));
    }
    for graph in graphs {
        match graph {
            Ok(graph) => {
                if let Ok(program) = compile(&graph, &[]) {
                    reads_back(text, &graph, &program, &schema);
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
