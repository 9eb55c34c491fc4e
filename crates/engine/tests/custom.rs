//! Operators of the user's own program: of every kind of kernel, held to what ours are held to, and caught when they
//! break it.

use std::sync::LazyLock;

use engine::conformance::{self, Shape, slow};
use engine::evaluate;
use factor::{
    CustomOperator, Definition, Family, Kernel, Kind, Lookback, Memory, Operator, Output, Palette, Parameter,
    ParameterKind, Parameters, Port, Reference, RegisterError, Schema, Type, VariationSettings, compile, parse, print,
    random_expression, register,
};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// An operator put together from its parts.
struct Custom {
    definition: Definition,
    kernel: fn(&Parameters) -> Kernel,
}

impl CustomOperator for Custom {
    fn definition(&self) -> Definition {
        self.definition
    }

    fn kernel(&self, parameters: &Parameters) -> Kernel {
        (self.kernel)(parameters)
    }
}

const WINDOW: Parameter =
    Parameter { name: "d", kind: ParameterKind::Rows { least: 2 }, default: None, option: false, usual: (5.0, 60.0) };

const DOCUMENTED: Definition = Definition {
    summary: "An operator of a test.",
    formula: "x",
    example: "close",
    generated: false,
    ..Definition::BASE
};

const HYPOTENUSE: Custom = Custom {
    definition: Definition {
        name: "hypotenuse",
        inputs: &[Port::U, Port::U, Port::U, Port::U],
        reference: Reference::Cell(|x, _| x.iter().map(|x| x * x).sum::<f64>().sqrt()),
        ..DOCUMENTED
    },
    kernel: |_| Kernel::Cell(Box::new(|x| x.iter().map(|x| x * x).sum::<f64>().sqrt())),
};

/// The share of the path that led somewhere.
const EFFICIENCY: Definition = Definition {
    name: "ts_efficiency",
    aliases: &["efficiency"],
    family: Family::TimeSeries,
    parameters: &[WINDOW],
    output: Output::RATIO,
    lookback: Lookback::Lag(0),
    reference: Reference::Series(|inputs, p| {
        let [x] = inputs else { return f64::NAN };
        let d = p.rows(0);
        if x.len() <= d {
            return f64::NAN;
        }
        let x = &x[x.len() - 1 - d..];
        let path: f64 = (1..x.len()).map(|row| (x[row] - x[row - 1]).abs()).sum();
        (x[d] - x[0]).abs() / path
    }),
    ..DOCUMENTED
};

fn efficiency(window: &[f64]) -> f64 {
    let path: f64 = window.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    (window[window.len() - 1] - window[0]).abs() / path
}

/// Two inputs and a window.
const SPREAD: Custom = Custom {
    definition: Definition {
        name: "ts_spread",
        family: Family::TimeSeries,
        inputs: &[Port::U, Port::U],
        parameters: &[WINDOW],
        lookback: Lookback::Window(0),
        reference: Reference::Series(|inputs, p| {
            let windows = inputs.iter().map(|x| x.len().checked_sub(p.rows(0)).map(|first| &x[first..]));
            let Some(windows) = windows.collect::<Option<Vec<_>>>() else { return f64::NAN };
            (0..p.rows(0)).map(|row| windows[0][row] - windows[1][row]).fold(f64::NAN, f64::max)
        }),
        ..DOCUMENTED
    },
    kernel: |_| Kernel::Window(Box::new(|xy| xy[0].iter().zip(xy[1]).map(|(x, y)| x - y).fold(f64::NAN, f64::max))),
};

/// Rows in a row on which a flag was true.
const STREAK: Custom = Custom {
    definition: Definition {
        name: "streak",
        family: Family::TimeSeries,
        inputs: &[Port::Flag],
        output: Output::RATIO,
        memory: Memory::Unbounded,
        reference: Reference::Series(|inputs, _| {
            inputs[0].iter().rev().take_while(|&&flag| flag == 1.0).count() as f64
        }),
        ..DOCUMENTED
    },
    kernel: |_| Kernel::Carry {
        start: vec![0.0],
        next: Box::new(|kept, flag| {
            kept[0] = if flag[0] == 1.0 { kept[0] + 1.0 } else { 0.0 };
            kept[0]
        }),
    },
};

/// The share of a row's sum of magnitudes, zero for symbols without a group.
const SHARE: Custom = Custom {
    definition: Definition {
        name: "cs_share",
        family: Family::Group,
        inputs: &[Port::U, Port::Group],
        output: Output::RATIO,
        reference: Reference::Row(|inputs, _| {
            let total: f64 = inputs[0].iter().filter(|x| !x.is_nan()).map(|x| x.abs()).sum();
            inputs[0].iter().zip(inputs[1]).map(|(x, g)| if g.is_nan() { 0.0 * x } else { x / total }).collect()
        }),
        ..DOCUMENTED
    },
    kernel: |_| {
        Kernel::Row(Box::new(|inputs, out| {
            let total: f64 = inputs[0].iter().filter(|x| !x.is_nan()).map(|x| x.abs()).sum();
            for (out, (x, g)) in out.iter_mut().zip(inputs[0].iter().zip(inputs[1])) {
                *out = if g.is_nan() { 0.0 * x } else { x / total };
            }
        }))
    },
};

/// All that this process registers, once.
static REGISTERED: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let efficiency =
        Custom { definition: EFFICIENCY, kernel: |_| Kernel::Window(Box::new(|inputs| efficiency(inputs[0]))) };
    [HYPOTENUSE, efficiency, SPREAD, STREAK, SHARE]
        .map(|operator| register(operator).unwrap_or_else(|error| panic!("{error}")))
        .to_vec()
});

#[test]
fn custom_operators_keep_the_promises_of_ours() {
    for &operator in &*REGISTERED {
        conformance::check(operator).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn custom_operators_stand_in_expressions_among_ours() {
    assert_eq!(REGISTERED.len(), 5);
    let panel = conformance::panel(Shape::Gaps, 120, 40, 3);
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let text =
        "cs_rank(ts_mean(efficiency(x, 10), 3)) + cs_share(ts_efficiency(x, 10) * 1, sector) + streak(x > 0 and y > 0)";
    let graph = parse(text, &schema).unwrap();
    let printed = print(&graph, graph.root(), &|_| None);
    assert_eq!(printed, text.replace("efficiency(x, 10), 3", "ts_efficiency(x, 10), 3"));
    let program = compile(&graph, &[]).unwrap();
    // Written twice, by two names and with a factor of 1, it runs once.
    let count = |name: &str| {
        let is = |operation: &factor::Operation| matches!(operation, factor::Operation::Operator(o, _) if o.definition().name == name);
        program.instructions.iter().filter(|instruction| is(&instruction.operation)).count()
    };
    assert_eq!((count("ts_efficiency"), count("cs_share"), count("mul")), (1, 1, 0));
    assert_eq!(program.lookback(), 12);
    let values = evaluate(&program, &panel).unwrap();
    let operator = Operator::by_name("ts_efficiency").unwrap();
    let parameters = Parameters::new(&[10.0]);
    let x = panel.values("x").unwrap();
    let by_hand = slow(operator, &parameters, &[x], &panel);
    let alone = evaluate(&compile(&parse("ts_efficiency(x, 10)", &schema).unwrap(), &[]).unwrap(), &panel).unwrap();
    assert!(alone.iter().zip(&by_hand).all(|(a, b)| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-12));
    assert!(values.iter().filter(|value| value.is_finite()).count() > 200);
    assert!(Operator::all().any(|known| known == operator) && !Operator::ALL.contains(&operator));
}

#[test]
fn variation_draws_custom_operators_that_ask_for_it() {
    let drawn = Definition { name: "ts_drawn", aliases: &[], generated: true, ..EFFICIENCY };
    let kernel = |_: &Parameters| Kernel::Window(Box::new(|inputs: &[&[f64]]| efficiency(inputs[0])));
    let drawn = register(Custom { definition: drawn, kernel }).unwrap();
    let settings = VariationSettings::new(Schema::bars());
    let palette = Palette::new(settings).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut found = vec![0; 2];
    for _ in 0..3_000 {
        let Some(graph) = random_expression(&palette, Type::RATIO, 12, &mut rng) else { continue };
        for node in graph.nodes() {
            if let Kind::Operator(operator, parameters) = graph.kind(node) {
                found[0] += usize::from(*operator == drawn);
                found[1] += usize::from(REGISTERED.contains(operator));
                assert!(*operator != drawn || (5.0..=60.0).contains(&parameters.real(0)));
            }
        }
    }
    assert!(found[0] > 10 && found[1] == 0, "{found:?}");
}

/// An operator that breaks a promise is caught, and named.
#[test]
fn broken_promises_are_found() {
    let check = |name: &'static str, kernel: fn(&Parameters) -> Kernel, fault: &str| {
        let definition = Definition { name, aliases: &[], ..EFFICIENCY };
        let operator = register(Custom { definition, kernel }).unwrap_or_else(|error| panic!("{error}"));
        let violations = conformance::check(operator).expect_err("it breaks a promise").0;
        assert!(violations.iter().any(|found| found.to_string().contains(fault)), "{name}: {}", violations[0]);
    };
    check("another_value", |_| Kernel::Window(Box::new(|x| efficiency(x[0]) + 1e-6)), "the reference");
    check("no_gaps", |_| Kernel::Window(Box::new(|x| efficiency(x[0]).max(0.0))), "the reference");
    check(
        "remembers",
        |_| Kernel::Carry {
            start: vec![0.0],
            next: Box::new(|kept, x| {
                kept[0] += if x[0] > 0.0 { 1.0 } else { 0.0 };
                kept[0]
            }),
        },
        "it remembers more than",
    );
}

#[test]
fn names_that_are_taken_are_refused() {
    for (name, message) in [
        ("ts_mean", "the name `ts_mean` is taken; `evoquant ops ts_mean` says by what"),
        ("rsi", "the name `rsi` is taken; `evoquant ops rsi` says by what"),
        ("hypotenuse", "the name `hypotenuse` is taken; `evoquant ops hypotenuse` says by what"),
        ("2x", "`2x` cannot name an operator: use letters, digits and _, and begin with a letter"),
        ("not", "`not` cannot name an operator: use letters, digits and _, and begin with a letter"),
    ] {
        assert_eq!(REGISTERED.len(), 5);
        let definition = Definition { name, ..HYPOTENUSE.definition };
        assert_eq!(register(Custom { definition, ..HYPOTENUSE }).unwrap_err().to_string(), message);
    }
}

#[test]
fn definitions_that_contradict_themselves_are_refused() {
    const OPTION: Parameter = Parameter { option: true, ..WINDOW };
    const PARTIAL: Parameter = Parameter { name: "min_periods", ..WINDOW };
    const SHORT: Parameter = Parameter { usual: (1.0, 3.0), ..WINDOW };
    let check = |custom: Custom, message: &str| {
        let error = register(Custom { definition: Definition { name: "refused", ..custom.definition }, ..custom });
        match error {
            Err(RegisterError::Definition { reason, .. }) => assert!(reason.contains(message), "{reason}"),
            other => panic!("{message}: {other:?}"),
        }
        assert_eq!(Operator::by_name("refused"), None);
    };
    let hypotenuse = |definition: Definition| Custom { definition, ..HYPOTENUSE };
    let spread = |definition: Definition| Custom { definition, ..SPREAD };
    check(hypotenuse(Definition { summary: "", ..HYPOTENUSE.definition }), "nothing under `summary`");
    check(hypotenuse(Definition { inputs: &[], ..HYPOTENUSE.definition }), "it has 0 inputs");
    check(hypotenuse(Definition { inputs: &[Port::U; 5], ..HYPOTENUSE.definition }), "it has 5 inputs");
    check(hypotenuse(Definition { lookback: Lookback::Fixed(3), ..HYPOTENUSE.definition }), "`Lookback::None`");
    check(hypotenuse(Definition { family: Family::CrossSection, ..HYPOTENUSE.definition }), "`Reference::Row`");
    check(Custom { kernel: SPREAD.kernel, ..HYPOTENUSE }, "`Kernel::Window` goes with another reference");
    check(
        spread(Definition { parameters: &[], lookback: Lookback::Window(0), ..SPREAD.definition }),
        "look-back is parameter 0",
    );
    check(spread(Definition { parameters: &[WINDOW, WINDOW], ..SPREAD.definition }), "a name of its own");
    check(spread(Definition { memory: Memory::Span, ..SPREAD.definition }), "`Memory::Finite`");
    check(spread(Definition { parameters: &[OPTION], ..SPREAD.definition }), "needs a default");
    check(spread(Definition { parameters: &[WINDOW, PARTIAL], ..SPREAD.definition }), "for windows of ours");
    check(spread(Definition { parameters: &[SHORT], ..SPREAD.definition }), "`d` must be a whole number from 2");
    check(
        spread(Definition { commutative: true, inputs: &[Port::U, Port::Flag], ..SPREAD.definition }),
        "`commutative`",
    );
}
