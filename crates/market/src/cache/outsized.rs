//! Files larger than memory, laid out on disk batch by batch.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use indexmap::IndexMap;

use super::kept::{Field, Layout, Origin, Section, Trailer, hashes, write_trailer};
use super::mapped::map_to_write;
use crate::error::Error;
use crate::import::{Import, ImportOptions, Ledger, RowOrder, stream_panel};
use crate::panel::fingerprint;
use crate::staged::Staged;

/// What a first pass over the file finds.
struct Survey {
    order: RowOrder,
    bars: Vec<i64>,
    symbols: Vec<String>,
    time_zone: Option<String>,
    /// Fields, and groups with their labels, in order.
    fields: IndexMap<String, Option<Vec<String>>>,
    ledger: Ledger,
}

/// Imports a file of any size into a kept panel, in two passes and within [`ImportOptions::max_bytes`] of memory.
///
/// # Errors
/// As [`stream_panel`] and its batches; when the panel would be larger than `limit`; and when it cannot be written.
pub(super) fn write(path: &Path, origin: Origin<'_>, limit: u64) -> Result<(), Error> {
    let (source, options) = (origin.source, origin.options);
    let survey = match survey(source, options, RowOrder::Dates) {
        Err(Error::OutOfOrder { .. }) => survey(source, options, RowOrder::Symbols)?,
        other => other?,
    };
    let (bars, symbols, columns) = (survey.bars.len(), survey.symbols.len(), survey.fields.len());
    let layout = Layout::new(bars, symbols, columns);
    if layout.bytes > u128::from(limit) {
        let origin = source.display().to_string();
        return Err(Error::TooLarge { origin, bars, symbols, columns, bytes: layout.bytes, limit });
    }
    let mut staged = Staged::create(path)?;
    let unwritable = |cause| Error::Write { path: path.to_owned(), cause };
    write_missing(staged.file(), &layout).map_err(unwritable)?;
    let mut map = map_to_write(staged.file(), path)?;
    map[layout.times()].copy_from_slice(bytemuck::cast_slice(&survey.bars));
    for batch in stream_panel(source, options, survey.order)? {
        lay_out(&batch?, &survey, &layout, &mut map);
    }
    map.flush().map_err(unwritable)?;

    let section = |range: std::ops::Range<usize>| Section::new(range.clone(), hashes(&map[range]));
    let kinds = || survey.fields.values().map(|labels| labels.as_deref());
    let column = |index: usize| bytemuck::cast_slice::<u8, f64>(&map[layout.field(index)]);
    // Fields come before groups, as a panel has them.
    let of_kind = |is_group: bool| {
        let named = survey.fields.keys().zip(kinds()).enumerate();
        named.filter(move |(_, (_, labels))| labels.is_some() == is_group)
    };
    let columns = of_kind(false).chain(of_kind(true));
    let fingerprint = fingerprint(
        &survey.bars,
        &survey.symbols,
        columns.map(|(index, (name, labels))| (name.as_str(), column(index), labels)),
    );
    let fields = of_kind(false).chain(of_kind(true)).map(|(index, (name, labels))| Field {
        name: name.clone(),
        labels: labels.map(<[String]>::to_vec),
        cells: section(layout.field(index)),
    });
    let trailer = Trailer {
        fields: fields.collect(),
        times: section(layout.times()),
        sources: origin.sources,
        source: source.to_owned(),
        options: super::spelt(options),
        taken: origin.taken,
        fingerprint,
        ledger: survey.ledger,
        time_zone: survey.time_zone,
        symbols: survey.symbols,
    };
    drop(map);
    let file = staged.file();
    file.seek(SeekFrom::End(0)).and_then(|_| write_trailer(file, &trailer)).map_err(unwritable)?;
    staged.commit()
}

fn survey(path: &Path, options: &ImportOptions, order: RowOrder) -> Result<Survey, Error> {
    let mut times: BTreeSet<i64> = BTreeSet::new();
    let mut symbols: BTreeSet<String> = BTreeSet::new();
    let mut fields: IndexMap<String, Option<BTreeSet<String>>> = IndexMap::new();
    let mut numeric: BTreeSet<String> = BTreeSet::new();
    let mut known: Option<(Ledger, Option<String>)> = None;
    for batch in stream_panel(path, options, order)? {
        let Import { panel, ledger } = batch?;
        times.extend(panel.calendar().times());
        symbols.extend(panel.symbols().iter().cloned());
        for name in panel.field_names() {
            fields.entry(name.to_owned()).or_default();
            if panel.values(name).is_some_and(|values| values.iter().any(|value| !value.is_nan())) {
                numeric.insert(name.to_owned());
            }
        }
        for name in panel.group_names() {
            let labels = panel.group(name).expect("the panel itself named it").labels;
            fields.entry(name.to_owned()).or_default().get_or_insert_default().extend(labels.iter().cloned());
        }
        let zone = panel.calendar().time_zone().map(str::to_owned);
        match &mut known {
            None => known = Some((ledger, zone)),
            Some((total, first)) if *first == zone => total.add(ledger),
            Some(_) => {
                return Err(Error::unusable(
                    path.display().to_string(),
                    "has times of several zones; name one for all",
                ));
            }
        }
    }
    let Some((ledger, time_zone)) = known else {
        return Err(Error::empty(path.display().to_string(), "has no rows"));
    };
    let labels =
        |(name, labels): (String, Option<BTreeSet<String>>)| (name, labels.map(|labels| labels.into_iter().collect()));
    Ok(Survey {
        order,
        bars: times.into_iter().collect(),
        symbols: symbols.into_iter().collect(),
        time_zone,
        fields: fields.into_iter().map(labels).collect(),
        ledger,
    })
}

/// Writes the file at its full size, so that a full disk is an error here and not a fault later.
fn write_missing(file: &mut std::fs::File, layout: &Layout) -> std::io::Result<()> {
    let block: Vec<u8> = f64::NAN.to_le_bytes().repeat(1 << 14);
    let mut left = layout.bytes as usize;
    while left > 0 {
        let piece = left.min(block.len());
        file.write_all(&block[..piece])?;
        left -= piece;
    }
    file.flush()
}

/// Writes the cells of one batch.
fn lay_out(batch: &Import, survey: &Survey, layout: &Layout, map: &mut [u8]) {
    let panel = &batch.panel;
    let found = "the first pass has seen every row";
    let rows: Vec<usize> =
        panel.calendar().times().iter().map(|time| survey.bars.binary_search(time).expect(found)).collect();
    let places: Vec<usize> =
        panel.symbols().iter().map(|symbol| survey.symbols.binary_search(symbol).expect(found)).collect();
    let width = survey.symbols.len();
    for (index, (name, all)) in survey.fields.iter().enumerate() {
        let Some(values) = panel.values(name) else { continue };
        let cells: &mut [f64] = bytemuck::cast_slice_mut(&mut map[layout.field(index)]);
        let codes: BTreeMap<&String, f64> =
            all.iter().flatten().zip((0..).map(f64::from)).collect::<BTreeMap<_, f64>>();
        let renamed: Option<Vec<f64>> =
            panel.group(name).map(|group| group.labels.iter().map(|label| codes[label]).collect());
        for (&row, values) in rows.iter().zip(values.chunks(places.len())) {
            for (&place, &value) in places.iter().zip(values) {
                cells[row * width + place] = match &renamed {
                    Some(codes) if !value.is_nan() => codes[value as usize],
                    _ => value,
                };
            }
        }
    }
}
