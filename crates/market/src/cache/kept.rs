//! One panel on disk: its format, and how it is opened, checked and read.
//!
//! ```text
//! prefix (64 bytes)   magic, version, where the trailer stands, its hash, the hash of the prefix
//! times               i64, microseconds since 1970
//! fields              f64 [bars x symbols], row after row, one section a field or group
//! trailer (JSON)      names, shapes, sections with an xxh3 for every block of 1 MiB, sources, ledger
//! ```
//! Numbers are little-endian, sections begin at multiples of 4,096 bytes.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use super::mapped::map;
use super::outsized;
use super::stamp::Stamp;
use crate::calendar::Calendar;
use crate::error::Error;
use crate::import::{Import, ImportOptions, Ledger, is_outsized, read_panel};
use crate::panel::Panel;
use crate::staged::write_atomically;

const MAGIC: &[u8; 8] = b"EVOPANEL";
/// Raised with every change of this format or of what an import makes of a file.
pub(super) const FORMAT: u32 = 1;
const PREFIX: usize = 64;
const ALIGNMENT: u64 = 4096;
const BLOCK: usize = 1 << 20;

/// What stands behind the sections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trailer {
    /// Files that the panel came from, in order; the first is the one that was asked for.
    pub(super) sources: Vec<Stamp>,
    /// What was asked for: a file or a folder.
    pub(super) source: PathBuf,
    /// Import options, spelt out.
    pub(super) options: String,
    /// When the sources were read, nanoseconds since 1970.
    pub(super) taken: i64,
    /// [`Panel::fingerprint`].
    pub(super) fingerprint: u64,
    pub(super) ledger: Ledger,
    pub(super) time_zone: Option<String>,
    pub(super) symbols: Vec<String>,
    pub(super) times: Section,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Section {
    start: u64,
    bytes: u64,
    /// xxh3 of each block.
    hashes: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    /// The labels of a group.
    pub(super) labels: Option<Vec<String>>,
    pub(super) cells: Section,
}

/// Where the sections of a panel of a known shape lie.
pub(super) struct Layout {
    bars: usize,
    cells: usize,
    /// Of all sections, without the trailer.
    pub(super) bytes: u128,
}

impl Layout {
    pub(super) fn new(bars: usize, symbols: usize, fields: usize) -> Self {
        let aligned = |bytes: u128| bytes.next_multiple_of(ALIGNMENT.into());
        let cells = bars as u128 * symbols as u128;
        let bytes = u128::from(ALIGNMENT) + aligned(8 * bars as u128) + fields as u128 * aligned(8 * cells);
        Self { bars, cells: usize::try_from(cells).unwrap_or(usize::MAX), bytes }
    }

    pub(super) fn times(&self) -> Range<usize> {
        let start = ALIGNMENT as usize;
        start..start + 8 * self.bars
    }

    /// The cells of a field. To be asked only where [`Layout::bytes`] fit on a disk.
    pub(super) fn field(&self, index: usize) -> Range<usize> {
        let aligned = |bytes: usize| bytes.next_multiple_of(ALIGNMENT as usize);
        let start = aligned(self.times().end) + index * aligned(8 * self.cells);
        start..start + 8 * self.cells
    }
}

impl Section {
    pub(super) fn new(range: Range<usize>, hashes: Vec<u64>) -> Self {
        Self { start: range.start as u64, bytes: range.len() as u64, hashes }
    }

    fn range(&self) -> Range<usize> {
        self.start as usize..(self.start + self.bytes) as usize
    }

    fn is_sound(&self, file: &[u8]) -> bool {
        file.get(self.range()).is_some_and(|bytes| hashes(bytes) == self.hashes)
    }
}

impl Trailer {
    pub(super) fn bars(&self) -> usize {
        (self.times.bytes / 8) as usize
    }

    /// Whether sections lie inside the file and have the size that the shape asks for.
    fn fits(&self, length: u64) -> bool {
        let cells =
            (self.times.bytes / 8).checked_mul(self.symbols.len() as u64).and_then(|cells| cells.checked_mul(8));
        let inside = |section: &Section| {
            section.start.is_multiple_of(ALIGNMENT)
                && section.start.checked_add(section.bytes).is_some_and(|end| end <= length)
                && section.hashes.len() as u64 == section.bytes.div_ceil(BLOCK as u64)
        };
        inside(&self.times)
            && self.times.bytes.is_multiple_of(8)
            && self.fields.iter().all(|field| inside(&field.cells) && Some(field.cells.bytes) == cells)
    }
}

/// The hash of every block.
pub(super) fn hashes(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(BLOCK).map(hash).collect()
}

fn hash(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

/// Where a panel came from.
pub(super) struct Origin<'a> {
    pub(super) source: &'a Path,
    pub(super) sources: Vec<Stamp>,
    pub(super) options: &'a ImportOptions,
    pub(super) taken: i64,
}

/// Writes a panel, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, import: &Import, origin: Origin<'_>) -> Result<(), Error> {
    let panel = &import.panel;
    write_atomically(path, |file| {
        let mut out = BufWriter::with_capacity(BLOCK, file);
        out.write_all(&[0; PREFIX])?;
        let times = write_section(&mut out, bytemuck::cast_slice(panel.calendar().times()))?;
        let mut fields = Vec::new();
        for name in panel.field_names().chain(panel.group_names()) {
            let values = panel.values(name).expect("the panel itself named it");
            let labels = panel.group(name).map(|group| group.labels.to_vec());
            fields.push(Field {
                name: name.to_owned(),
                labels,
                cells: write_section(&mut out, bytemuck::cast_slice(values))?,
            });
        }
        let trailer = Trailer {
            sources: origin.sources,
            source: origin.source.to_owned(),
            options: super::spelt(origin.options),
            taken: origin.taken,
            fingerprint: panel.fingerprint(),
            ledger: import.ledger.clone(),
            time_zone: panel.calendar().time_zone().map(str::to_owned),
            symbols: panel.symbols().to_vec(),
            times,
            fields,
        };
        write_trailer(&mut out, &trailer)
    })
}

fn write_section(out: &mut (impl Write + Seek), bytes: &[u8]) -> std::io::Result<Section> {
    let start = align(out)?;
    out.write_all(bytes)?;
    Ok(Section { start, bytes: bytes.len() as u64, hashes: hashes(bytes) })
}

fn align(out: &mut (impl Write + Seek)) -> std::io::Result<u64> {
    let position = out.stream_position()?;
    let start = position.next_multiple_of(ALIGNMENT);
    out.write_all(&vec![0; (start - position) as usize])?;
    Ok(start)
}

/// Writes the trailer, and the prefix last of all.
pub(super) fn write_trailer(out: &mut (impl Write + Seek), trailer: &Trailer) -> std::io::Result<()> {
    let text = serde_json::to_vec(trailer)?;
    let start = align(out)?;
    out.write_all(&text)?;
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&prefix(start, &text))?;
    out.flush()
}

fn prefix(start: u64, trailer: &[u8]) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix[..8].copy_from_slice(MAGIC);
    prefix[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    prefix[16..24].copy_from_slice(&start.to_le_bytes());
    prefix[24..32].copy_from_slice(&(trailer.len() as u64).to_le_bytes());
    prefix[32..40].copy_from_slice(&hash(trailer).to_le_bytes());
    let own = hash(&prefix[..40]);
    prefix[40..48].copy_from_slice(&own.to_le_bytes());
    prefix
}

/// A panel on disk, mapped. A field is checked when it is first asked for.
pub(super) struct KeptFile {
    path: PathBuf,
    map: Mmap,
    trailer: Trailer,
    options: ImportOptions,
    /// Per field: `None` once it was found sound, and else the values as the source has them.
    checked: Vec<OnceLock<Option<Vec<f64>>>>,
}

impl std::fmt::Debug for KeptFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeptFile {
    /// Opens a file, and checks all but the fields. `None` where it is damaged or of another format.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path, options: &ImportOptions) -> Result<Option<Self>, Error> {
        let file = File::open(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
        let map = map(&file, path)?;
        let Some(trailer) = read_trailer(&map) else { return Ok(None) };
        let checked = trailer.fields.iter().map(|_| OnceLock::new()).collect();
        Ok(Some(Self { path: path.to_owned(), map, trailer, options: options.clone(), checked }))
    }

    pub(super) fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// Whether every field is sound; reads all of the file.
    pub(super) fn is_sound(&self) -> bool {
        self.trailer.fields.iter().all(|field| field.cells.is_sound(&self.map))
    }

    /// The panel, with its cells left on disk.
    pub(super) fn into_import(self) -> Option<Import> {
        let times: &[i64] = bytemuck::cast_slice(&self.map[self.trailer.times.range()]);
        let calendar = Calendar::new(times.to_vec(), self.trailer.time_zone.as_deref()).ok()?;
        let kept = Arc::new(self);
        let (mut fields, mut groups) = (indexmap::IndexMap::new(), indexmap::IndexMap::new());
        for (index, field) in kept.trailer.fields.iter().enumerate() {
            let cells = crate::cells::Cells::Kept(KeptCells { file: Arc::clone(&kept), field: index });
            match &field.labels {
                None => drop(fields.insert(field.name.clone(), cells)),
                Some(labels) => drop(groups.insert(field.name.clone(), (labels.clone(), cells))),
            }
        }
        let Trailer { symbols, ledger, fingerprint, .. } = &kept.trailer;
        let panel = Panel::from_cells(calendar, symbols.clone(), fields, groups, *fingerprint);
        Some(Import { panel, ledger: ledger.clone() })
    }

    fn values(&self, field: usize) -> &[f64] {
        let cells = &self.trailer.fields[field].cells;
        let from_source = self.checked[field]
            .get_or_init(|| if cells.is_sound(&self.map) { None } else { Some(self.import_again(field)) });
        match from_source {
            Some(values) => values,
            None => bytemuck::cast_slice(&self.map[cells.range()]),
        }
    }

    /// The field as its source has it, and the damaged file out of the way.
    ///
    /// # Panics
    /// When the source has changed or gone since the file was opened, a moment ago. There is no right value left then, and
    /// a wrong one must not be used.
    fn import_again(&self, field: usize) -> Vec<f64> {
        let name = &self.trailer.fields[field].name;
        tracing::warn!(file = %self.path.display(), field = name, "a panel in the cache is damaged; importing its source again");
        let _ = std::fs::remove_file(&self.path);
        let cells = self.trailer.bars() * self.trailer.symbols.len();
        let values = self.import_source().ok().and_then(|import| import.panel.values(name).map(<[f64]>::to_vec));
        values.filter(|values| values.len() == cells).unwrap_or_else(|| {
            panic!(
                "{} is damaged, and {} changed since it was opened; run again",
                self.path.display(),
                self.trailer.source.display()
            )
        })
    }

    /// The source as it is now, by way of a new kept panel where it does not fit in memory.
    fn import_source(&self) -> Result<Import, Error> {
        let Trailer { source, sources, taken, .. } = &self.trailer;
        if !is_outsized(source, &self.options)? {
            return read_panel(source, &self.options);
        }
        let origin = Origin { source, sources: sources.clone(), options: &self.options, taken: *taken };
        outsized::write(&self.path, origin, u64::MAX)?;
        let kept = Self::open(&self.path, &self.options)?.and_then(Self::into_import);
        kept.ok_or_else(|| Error::unusable(self.path.display().to_string(), "was damaged as soon as it was written"))
    }
}

fn read_trailer(file: &[u8]) -> Option<Trailer> {
    let number = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?));
    let (start, length) = (usize::try_from(number(16)?).ok()?, usize::try_from(number(24)?).ok()?);
    let text = file.get(start..start.checked_add(length)?)?;
    if file.get(..PREFIX)? != prefix(start as u64, text) {
        return None;
    }
    let trailer: Trailer = serde_json::from_slice(text).ok()?;
    (trailer.fits(file.len() as u64) && trailer.times.is_sound(file)).then_some(trailer)
}

/// One field of a panel on disk.
#[derive(Debug, Clone)]
pub(crate) struct KeptCells {
    file: Arc<KeptFile>,
    field: usize,
}

impl KeptCells {
    pub(crate) fn dim(&self) -> (usize, usize) {
        (self.file.trailer.bars(), self.file.trailer.symbols.len())
    }

    pub(crate) fn as_slice(&self) -> &[f64] {
        self.file.values(self.field)
    }
}
