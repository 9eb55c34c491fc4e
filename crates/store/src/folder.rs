//! A run's folder: what was asked, what was tried, where to go on, what was found.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use evolve::{Evaluation, Rejection, Scores, SearchState, Trial};
use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, FrameKind, decode, encode};

/// Why a run folder, or a folder of columns, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system said no.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The folder holds something already.
    #[error("{0} is not empty: choose another folder with --out, or go on with --resume {0}")]
    NotEmpty(PathBuf),
    /// What must be a folder is something else.
    #[error("{0} is a file, not a folder: name a folder that is there or may be made")]
    NotAFolder(PathBuf),
    /// A checkpoint cannot be read.
    #[error("{path}: {cause}")]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: CodecError,
    },
    /// A JSON file cannot be read or written.
    #[error("{path}: {message}")]
    Json {
        /// Which file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The list of trials is shorter than its checkpoint says.
    #[error("{path} has {found} bytes, but its checkpoint counts {expected}: the folder was changed by hand")]
    TrialsTooShort {
        /// Which file.
        path: PathBuf,
        /// Bytes there are.
        found: u64,
        /// Bytes there must be.
        expected: u64,
    },
}

/// A checkpoint: the state of the search, and how much of the trial list belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// State after the last whole generation.
    pub state: SearchState,
    /// Bytes of `trials.jsonl` that were written by then.
    pub trials_bytes: u64,
}

/// A line of `trials.jsonl`: nothing of the exam, and no clock.
#[derive(Serialize)]
struct TrialLine<'a> {
    hash: String,
    parents: Vec<String>,
    operation: &'a str,
    generation: usize,
    size: usize,
    fitness: Option<f64>,
    train: Option<Scores>,
    validation: Option<Scores>,
    rejected: Option<Rejection>,
    /// With a race alone.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    partial_fitness: &'a [Option<f64>],
}

impl<'a> From<&'a Trial> for TrialLine<'a> {
    fn from(trial: &'a Trial) -> Self {
        let hex = |hash: &u128| format!("{hash:032x}");
        let (fitness, train, validation, rejected) = match trial.evaluation {
            Evaluation::Scored { fitness, train, validation } => (Some(fitness), Some(train), Some(validation), None),
            Evaluation::Rejected(reason) => (None, None, None, Some(reason)),
        };
        Self {
            hash: hex(&trial.hash),
            parents: trial.parents.iter().map(hex).collect(),
            operation: &trial.operation,
            generation: trial.generation,
            size: trial.size,
            fitness,
            train,
            validation,
            rejected,
            partial_fitness: &trial.partial_fitness,
        }
    }
}

/// A run's folder: `run.json`, `trials.jsonl`, `checkpoint.bin`, `champions/`.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    trials: File,
    trials_bytes: u64,
}

const RUN: &str = "run.json";
const TRIALS: &str = "trials.jsonl";
const CHECKPOINT: &str = "checkpoint.bin";

impl RunFolder {
    /// Makes a new folder, and writes what was asked.
    ///
    /// # Errors
    /// When the folder holds something already, or cannot be written.
    pub fn create(path: &Path, run: &impl Serialize) -> Result<Self, Error> {
        if path.exists() && fs::read_dir(path).map_err(at(path))?.next().is_some() {
            return Err(Error::NotEmpty(path.to_owned()));
        }
        fs::create_dir_all(path).map_err(at(path))?;
        let file = path.join(TRIALS);
        let trials = OpenOptions::new().create_new(true).append(true).open(&file).map_err(at(&file))?;
        let folder = Self { path: path.to_owned(), trials, trials_bytes: 0 };
        folder.write_run(run)?;
        Ok(folder)
    }

    /// Reads what a folder was asked to do.
    ///
    /// # Errors
    /// When there is no `run.json`, or it is not one.
    pub fn read_run<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
        let file = path.join(RUN);
        let text = fs::read_to_string(&file).map_err(at(&file))?;
        serde_json::from_str(&text).map_err(|error| Error::Json { path: file, message: error.to_string() })
    }

    /// Opens a folder to go on from its checkpoint; trials written after it are cut off. Without a checkpoint the
    /// run starts again from the beginning.
    ///
    /// # Errors
    /// When a file cannot be read, is damaged, or does not fit the others.
    pub fn resume(path: &Path) -> Result<(Self, Option<SearchState>), Error> {
        let file = path.join(CHECKPOINT);
        let checkpoint: Option<Checkpoint> = match File::open(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(at(&file)(error)),
            Ok(mut reader) => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map_err(at(&file))?;
                Some(decode(FrameKind::Checkpoint, &bytes).map_err(|cause| Error::Checkpoint { path: file, cause })?)
            }
        };
        let trials_bytes = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.trials_bytes);
        let file = path.join(TRIALS);
        let trials = OpenOptions::new().append(true).open(&file).map_err(at(&file))?;
        let found = trials.metadata().map_err(at(&file))?.len();
        if found < trials_bytes {
            return Err(Error::TrialsTooShort { path: file, found, expected: trials_bytes });
        }
        trials.set_len(trials_bytes).map_err(at(&file))?;
        let folder = Self { path: path.to_owned(), trials, trials_bytes };
        Ok((folder, checkpoint.map(|checkpoint| checkpoint.state)))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a generation: its trials first, then the checkpoint that counts them. A crash between the two leaves
    /// lines that resuming cuts off.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn generation(&mut self, trials: &[Trial], state: SearchState) -> Result<(), Error> {
        let file = self.path.join(TRIALS);
        let mut lines = Vec::new();
        for trial in trials {
            serde_json::to_writer(&mut lines, &TrialLine::from(trial))
                .map_err(|error| Error::Json { path: file.clone(), message: error.to_string() })?;
            lines.push(b'\n');
        }
        self.trials.write_all(&lines).map_err(at(&file))?;
        self.trials.sync_data().map_err(at(&file))?;
        self.trials_bytes += lines.len() as u64;
        let checkpoint = Checkpoint { state, trials_bytes: self.trials_bytes };
        let file = self.path.join(CHECKPOINT);
        let bytes = encode(FrameKind::Checkpoint, &checkpoint)
            .map_err(|cause| Error::Checkpoint { path: file.clone(), cause })?;
        write_whole(&file, &bytes)
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_run(&self, run: &impl Serialize) -> Result<(), Error> {
        let file = self.path.join(RUN);
        let mut text = serde_json::to_string_pretty(run)
            .map_err(|error| Error::Json { path: file.clone(), message: error.to_string() })?;
        text.push('\n');
        write_whole(&file, text.as_bytes())
    }

    /// Writes a file of the run, such as `champions/1.toml`, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_file(&self, name: &str, contents: &str) -> Result<PathBuf, Error> {
        let file = self.path.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        write_whole(&file, contents.as_bytes())?;
        Ok(file)
    }
}

/// Writes a file under a temporary name, makes sure it is on disk, and renames it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut writer = BufWriter::new(File::create(&part).map_err(at(&part))?);
    writer.write_all(bytes).map_err(at(&part))?;
    let file = writer.into_inner().map_err(|error| at(&part)(error.into_error()))?;
    file.sync_all().map_err(at(&part))?;
    fs::rename(&part, path).map_err(at(path))
}

pub(crate) fn at(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::File { path: path.clone(), cause }
}
