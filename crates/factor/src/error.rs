//! What can be wrong with a text, a graph or a strategy file.

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, and what to do.
    pub message: String,
    /// 0-based byte where it is wrong.
    pub offset: usize,
    /// The text.
    pub text: String,
}

impl ParseError {
    /// 1-based line.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// 1-based column in its line, in characters.
    pub fn column(&self) -> usize {
        self.before().chars().rev().take_while(|&c| c != '\n').count() + 1
    }

    /// The text before the place.
    fn before(&self) -> &str {
        &self.text[..self.offset.min(self.text.len())]
    }
}

impl std::error::Error for ParseError {}

impl std::fmt::Display for ParseError {
    /// The message with its place, and below it the line with a caret; long lines are cut around the place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const WIDTH: usize = 72;
        let (line, column) = (self.line(), self.column());
        if self.text.contains('\n') {
            write!(f, "{} (line {line}, column {column})", self.message)?;
        } else {
            write!(f, "{} (column {column})", self.message)?;
        }
        let text = self.text.split('\n').nth(line - 1).unwrap_or_default();
        let characters: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let first = if characters.len() <= WIDTH { 0 } else { column.saturating_sub(1 + WIDTH / 2) };
        let shown: String = characters.iter().skip(first).take(WIDTH).collect();
        let (before, after) =
            (if first > 0 { "..." } else { "" }, if first + WIDTH < characters.len() { "..." } else { "" });
        let indent = column - 1 - first + before.len();
        write!(f, "\n  {before}{shown}{after}\n  {:indent$}^", "")
    }
}

/// Why a graph cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A node feeds itself through others.
    #[error("`{node}` is part of a cycle: a factor cannot use itself, directly or through others")]
    Cycle {
        /// A node of the cycle.
        node: String,
    },
    /// An input has the wrong type.
    #[error("`{consumer}` needs a {expected} as argument {argument}, but `{input}` is a {found}")]
    WrongType {
        /// The node that needs it.
        consumer: String,
        /// 1-based argument.
        argument: usize,
        /// What it needs.
        expected: String,
        /// The input.
        input: String,
        /// What that gives.
        found: String,
    },
    /// A slot is empty, taken twice, or there are too many.
    #[error("`{consumer}` takes {expected} inputs, but has {found}")]
    WrongArity {
        /// The node.
        consumer: String,
        /// Inputs it takes.
        expected: usize,
        /// Inputs it has.
        found: usize,
    },
    /// A parameter is out of range.
    #[error("`{consumer}`: {message}")]
    BadParameter {
        /// The node.
        consumer: String,
        /// What may stand there.
        message: String,
    },
    /// The graph has too many nodes.
    #[error("the graph has {found} nodes after expansion; at most {most} can be compiled")]
    TooLarge {
        /// Nodes found.
        found: usize,
        /// Most nodes.
        most: usize,
    },
}

/// Why JSON is no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is no JSON, or its keys are not those of a graph.
    #[error("not a graph: {0}")]
    Text(String),
    /// A node is wrong.
    #[error("node `{id}`: {message}")]
    Node {
        /// Its identifier.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// The nodes do not make a graph that can be computed.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Why a graph cannot be printed as a polars program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolarsError {
    /// An operator, or an option of it, has no form in polars with the same values.
    #[error("`{operator}` cannot be printed as polars: {reason}")]
    Refused {
        /// The operator.
        operator: &'static str,
        /// Why not.
        reason: String,
    },
    /// The graph cannot be compiled.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Why a strategy file cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategyError {
    /// The TOML itself, or a key in it, is wrong.
    #[error("{0}")]
    Toml(String),
    /// A factor's expression cannot be read.
    #[error("in factor `{name}`: {error}")]
    Expression {
        /// Name of the factor, or the key that holds the expression.
        name: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The factors do not make a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A value is out of range or contradicts another.
    #[error("{0}")]
    Value(String),
}

/// The candidate nearest to `word` by edit distance, if it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .map(|candidate| (edit_distance(&lower, &candidate.to_lowercase()), candidate))
        .min_by_key(|&(distance, candidate)| (distance, candidate.len()))
        .filter(|&(distance, candidate)| distance <= candidate.len().min(word.len()).max(3) / 3)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(64).collect(), right.chars().take(64).collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let substitution = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[left.len()][right.len()]
}

/// Why an operator cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Expressions cannot say the name.
    #[error("`{0}` cannot name an operator: use letters, digits and _, and begin with a letter")]
    Name(String),
    /// An operator, a library factor or a name that is explained has it.
    #[error("the name `{0}` is taken; `evoquant ops {0}` says by what")]
    Taken(String),
    /// The definition contradicts itself, or lacks something.
    #[error("operator `{operator}` cannot be registered: {reason}")]
    Definition {
        /// Its name.
        operator: String,
        /// What to change.
        reason: String,
    },
    /// There is no room.
    #[error("a program can register {most} operators, and has")]
    Full {
        /// How many.
        most: usize,
    },
}
