//! Specifications out of text and files.

use std::io::Read;
use std::path::Path;

use toml::Value;

use super::keys::{KEYS, number, one_of, shown};
use super::spec::{Regime, Scenario, ScenarioKind, SynthSpec};
use crate::error::{Error, excerpt};

impl SynthSpec {
    /// Reads `bars=2500,symbols=500,noise=garch`: keys and values between commas. Commas within brackets or double quotes
    /// are part of a value. `regime=NAME:DRIFT:VOLATILITY:LENGTH` and `scenario=KIND:START:LENGTH:STRENGTH` may be
    /// repeated.
    ///
    /// # Errors
    /// One line that names the key, what it can be, and the nearest known name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut spec = Self::default();
        spec.change(text)?;
        Ok(spec)
    }

    /// As [`SynthSpec::parse`], on top of what is set already. A regime or scenario in the text replaces none.
    ///
    /// # Errors
    /// As [`SynthSpec::parse`]; the spec is then half changed.
    pub fn change(&mut self, text: &str) -> Result<(), Error> {
        self.change_all(&[text.to_owned()])
    }

    /// As [`SynthSpec::change`], with several texts that are as one.
    ///
    /// # Errors
    /// As [`SynthSpec::change`].
    pub fn change_all(&mut self, texts: &[String]) -> Result<(), Error> {
        let mut pairs = Vec::new();
        for text in texts {
            for part in split(text).map_err(|problem| refuse("synth", problem))? {
                let Some((key, value)) = part.split_once('=') else {
                    let problem = format!("`{}` is no key=value, such as bars=2500", excerpt(part.trim()));
                    return Err(refuse("synth", problem));
                };
                pairs.push((key.trim().to_owned(), Value::String(unquoted(value.trim()))));
            }
        }
        self.assign(pairs, "synth")
    }

    /// What follows `synth:` where a market is asked for: keys and values as in [`SynthSpec::parse`], behind the name of a
    /// TOML file if the first of them is one.
    ///
    /// # Errors
    /// As [`SynthSpec::parse`] and [`SynthSpec::read`].
    pub fn named(text: &str) -> Result<Self, Error> {
        let (first, rest) = text.split_once(',').unwrap_or((text, ""));
        let is_file = Path::new(first).extension().is_some_and(|extension| extension == "toml") && !first.contains('=');
        let (mut spec, keys) = if is_file { (Self::read(Path::new(first))?, rest) } else { (Self::default(), text) };
        spec.change(keys)?;
        Ok(spec)
    }

    /// Reads a TOML file, or a manifest.
    ///
    /// # Errors
    /// When it cannot be read, is larger than a megabyte, or as [`SynthSpec::from_toml`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        const MOST_BYTES: u64 = 1 << 20;
        let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
        let origin = path.display().to_string();
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(refuse(
                &origin,
                "is no specification of a synthetic market: it is larger than a megabyte".to_owned(),
            ));
        }
        Self::from_toml(&text, &origin)
    }

    /// Reads a TOML file of the same keys, with `[[regime]]` and `[[scenario]]` as tables. A manifest, which keeps them
    /// under `[spec]`, is such a file too.
    ///
    /// # Errors
    /// As [`SynthSpec::parse`]; `origin` is named in messages.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Error> {
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            refuse(origin, format!("line {line}: {}", error.message().lines().collect::<Vec<_>>().join(" ")))
        })?;
        let table = match table.get("spec") {
            Some(Value::Table(spec)) => spec.clone(),
            _ => table,
        };
        let mut spec = Self::default();
        spec.assign(table.into_iter().collect(), origin)?;
        Ok(spec)
    }

    /// Sets keys in any order; a preset goes first, as the others are on top of it.
    fn assign(&mut self, pairs: Vec<(String, Value)>, origin: &str) -> Result<(), Error> {
        let refuse = |problem: String| Err(refuse(origin, problem));
        for (place, (key, _)) in pairs.iter().enumerate() {
            let may_repeat = key == "regime" || key == "scenario";
            if !may_repeat && pairs[..place].iter().any(|(earlier, _)| earlier == key) {
                return refuse(format!("`{}` is given twice", excerpt(key)));
            }
        }
        let (first, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| key == "noise");
        for (key, value) in first.into_iter().chain(rest) {
            let done = match key.as_str() {
                "regime" => list(value, &mut self.regimes, regime),
                "scenario" => list(value, &mut self.scenarios, scenario),
                name => match KEYS.iter().find(|key| key.name == name) {
                    Some(key) => (key.slot)(self).set(&value),
                    None => return refuse(unknown(&key)),
                },
            };
            if let Err(problem) = done {
                return refuse(format!("`{key}` {problem}"));
            }
            if key == "noise" {
                self.noise.apply(self);
            }
        }
        Ok(())
    }
}

fn refuse(origin: &str, problem: String) -> Error {
    Error::unusable(origin, problem)
}

fn unknown(key: &str) -> String {
    let names: Vec<&str> = KEYS.iter().map(|key| key.name).chain(["regime", "scenario"]).collect();
    let hint = match nearest(key, &names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys are {}", names.join(", ")),
    };
    format!("there is no key `{}`; {hint}", excerpt(key))
}

/// The name that a misspelt one may be.
pub(super) fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    let text: Vec<char> = text.chars().take(40).collect();
    let most = (text.len() / 3).max(1);
    let within = |name: &&'a str| (distance(&text, name), *name);
    names.iter().map(within).filter(|(edits, _)| *edits <= most).min().map(|(_, name)| name)
}

/// Letters to insert, remove or replace.
fn distance(text: &[char], name: &str) -> usize {
    let name: Vec<char> = name.chars().collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (place, letter) in text.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for column in 0..name.len() {
            let replaced = diagonal + usize::from(name[column] != *letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[name.len()]
}

/// Parts between commas that stand outside brackets and quotes.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, false);
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    if quoted || depth > 0 {
        let what = if quoted { "a quote" } else { "a bracket" };
        return Err(format!("{what} in `{}` is never closed", excerpt(text)));
    }
    parts.push(&text[start..]);
    Ok(parts.into_iter().filter(|part| !part.trim().is_empty()).collect())
}

fn unquoted(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

/// Adds what a text says, or what an array of tables says.
fn list<T>(value: Value, into: &mut Vec<T>, read: fn(&[Value]) -> Result<T, String>) -> Result<(), String> {
    const MOST: usize = 1_000;
    let tables = match value {
        Value::Array(tables) => tables,
        other => vec![other],
    };
    for table in tables {
        into.push(read(&[table])?);
    }
    if into.len() > MOST { Err(format!("stands there more than {MOST} times")) } else { Ok(()) }
}

/// Four parts of a text between colons, or four values of a table under their names.
fn four(value: &[Value], names: [&str; 4], form: &str) -> Result<[Value; 4], String> {
    match &value[0] {
        Value::String(text) => {
            // The start of a scenario may be a time of day, with colons of its own.
            let parts = text.split_once(':').and_then(|(first, rest)| {
                let (rest, last) = rest.rsplit_once(':')?;
                let (second, third) = rest.rsplit_once(':')?;
                Some([first, second, third, last].map(|part| Value::String(part.trim().to_owned())))
            });
            parts.ok_or_else(|| format!("must be {form}, not `{}`", excerpt(text)))
        }
        Value::Table(table) => {
            if let Some(key) = table.keys().find(|key| !names.contains(&key.as_str())) {
                let hint = match nearest(key, &names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("it has {}", names.join(", ")),
                };
                return Err(format!("has no `{}`; {hint}", excerpt(key)));
            }
            let part = |name: &str| {
                table.get(name).cloned().ok_or_else(|| format!("lacks `{name}`: it needs {}", names.join(", ")))
            };
            Ok([part(names[0])?, part(names[1])?, part(names[2])?, part(names[3])?])
        }
        _ => Err(format!("must be {form}, or tables in a file")),
    }
}

fn regime(value: &[Value]) -> Result<Regime, String> {
    let names = ["name", "drift", "volatility", "length"];
    let [name, drift, volatility, length] = four(value, names, "NAME:DRIFT:VOLATILITY:LENGTH")?;
    let name = match name {
        Value::String(name) if !name.trim().is_empty() && !name.contains([',', ':', '"']) => name,
        other => return Err(format!("needs a name without commas, colons and quotes, not `{}`", shown(&other))),
    };
    Ok(Regime {
        name,
        drift: part("drift", &drift, -50.0, 50.0)?,
        volatility: part("volatility", &volatility, 0.01, 20.0)?,
        length: part("length", &length, 1.0, 1e9)?,
    })
}

fn scenario(value: &[Value]) -> Result<Scenario, String> {
    let names = ["kind", "start", "length", "strength"];
    let [kind, start, length, strength] = four(value, names, "KIND:START:LENGTH:STRENGTH")?;
    let kind = one_of(&kind, &ScenarioKind::ALL.map(|kind| (kind, kind.name()))).map_err(|e| format!("kind {e}"))?;
    let start = match start {
        Value::String(text) => text,
        Value::Integer(bar) => bar.to_string(),
        Value::Datetime(date) => date.to_string(),
        other => return Err(format!("start must be a bar's number or a date, not `{}`", shown(&other))),
    };
    let length = part("length", &length, 1.0, 1e9)?;
    if length.fract() != 0.0 {
        return Err(format!("length must be a whole number of bars, not {length}"));
    }
    let strength = part(&format!("strength of {}", kind.name()), &strength, 0.0, kind.most())?;
    Ok(Scenario { kind, start, length: length as usize, strength })
}

fn part(name: &str, value: &Value, least: f64, most: f64) -> Result<f64, String> {
    number(value, least, most).map_err(|problem| format!("{name} {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str]) {
        let message = SynthSpec::parse(text).expect_err(text).to_string();
        for word in words {
            assert!(message.contains(word), "no `{word}` in the message of {text:?}: {message}");
        }
        assert!(message.lines().count() == 1 && message.len() < 900, "{message}");
    }

    #[test]
    fn mistakes_are_named_with_the_way_out() {
        check("simbols=3", &["simbols", "did you mean `symbols`"]);
        check("colour=red", &["colour", "the keys are bars, symbols"]);
        check("bars", &["`bars`", "key=value"]);
        check("bars=0", &["`bars`", "1 to 1000000000", "`0`"]);
        check("bars=2.5", &["`bars`", "whole", "2.5"]);
        check("bars=many", &["`bars`", "many"]);
        check("bars=nan", &["`bars`", "nan"]);
        check("bars=5,bars=6", &["`bars`", "twice"]);
        check("seed=-1", &["`seed`", "-1"]);
        check("volatility=inf", &["`volatility`", "0 to 5", "inf"]);
        check("degrees_of_freedom=2", &["`degrees_of_freedom`", "0, or a number from 2.1"]);
        check("noise=whit", &["`noise`", "did you mean `white`"]);
        check("frequency=weekly", &["`frequency`", "5min", "weekly"]);
        check("session=16:00-09:30", &["`session`", "09:30-16:00"]);
        check("decay=none", &["`decay`", "exponential"]);
        check("scenario=crash:5:5:1", &["`scenario`", "kind", "flash_crash"]);
        check("scenario=bear:5:5", &["`scenario`", "KIND:START:LENGTH:STRENGTH"]);
        check("scenario=bear:5:5:1.5", &["`scenario`", "strength of bear", "0.99", "1.5"]);
        check("scenario=bear:5:0.5:0.5", &["`scenario`", "length"]);
        check("regime=calm:0:0:10", &["`regime`", "volatility", "0.01"]);
        check("plant=cs_rank(close", &["bracket", "never closed"]);
        check(&"x".repeat(100_000), &["no key=value"]);
    }

    #[test]
    fn text_and_files_say_the_same() {
        let text = "noise=garch, bars=1_000,symbols=7,plant=-returns(close, 5),rank_ic=-0.02,frequency=5min,\
                    scenario=bear:2016-03-01T10:30:50:0.2,regime=calm:0.1:0.5:250,session=always,seed=18446744073709551615";
        let spec = SynthSpec::parse(text).unwrap();
        assert_eq!((spec.bars, spec.garch_alpha, spec.sectors), (1_000, 0.1, 0));
        assert_eq!(spec.plant.as_deref(), Some("-returns(close, 5)"));
        assert_eq!((spec.scenarios[0].start.as_str(), spec.scenarios[0].length), ("2016-03-01T10:30", 50));
        assert_eq!(SynthSpec::from_toml(&spec.to_toml(), "file").unwrap(), spec);
        assert_eq!(SynthSpec::parse(&spec.to_string()).unwrap(), spec);
        let manifest = format!("rows = 5\n[spec]\n{}", spec.to_toml().split("\n[[").next().unwrap());
        assert_eq!(SynthSpec::from_toml(&manifest, "file").unwrap().bars, 1_000);
        assert_eq!(SynthSpec::parse("").unwrap(), SynthSpec::default());
    }

    #[test]
    fn mistakes_in_files_are_named_too() {
        for (text, words) in [
            ("bars = ", &["file", "line 1"][..]),
            ("seed = 1\nsimbols = 4", &["file", "did you mean `symbols`"]),
            ("[[scenario]]\nkind = \"bear\"\nstart = 5\nlenght = 4", &["`scenario`", "did you mean `length`"]),
            ("[[scenario]]\nkind = \"bear\"\nstart = 5\nlength = 4", &["`scenario`", "lacks `strength`"]),
            ("scenario = 5", &["`scenario`", "KIND:START"]),
            ("bars = [1]", &["`bars`", "whole number"]),
        ] {
            let message = SynthSpec::from_toml(text, "file").expect_err(text).to_string();
            for word in words {
                assert!(message.contains(word), "no `{word}` in the message of {text:?}: {message}");
            }
        }
    }
}
