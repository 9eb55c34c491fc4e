//! Damaged and random files: an error or a panel, never a panic, a hang or a full memory.

use std::fmt::Write;
use std::path::Path;

use market::polars::prelude::{IpcCompression, IpcWriter, SerWriter};
use market::synthetic::random_walk;
use market::table::{Column, Table};
use market::{Error, ImportOptions, read_panel};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

fn sound_file(path: &Path) -> Vec<u8> {
    let panel = random_walk(40, 3, 5);
    let cells: Vec<(usize, usize)> = (0..40).flat_map(|bar| (0..3).map(move |symbol| (bar, symbol))).collect();
    let values = |name: &str| Column::Number(panel.values(name).unwrap().to_vec());
    let table = Table::new()
        .with("date", Column::Time(cells.iter().map(|&(bar, _)| panel.calendar().times()[bar]).collect()))
        .with("symbol", Column::Text(cells.iter().map(|&(_, symbol)| panel.symbols()[symbol].clone()).collect()))
        .with("close", values("close"))
        .with("volume", values("volume"));
    table.write(path).unwrap();
    std::fs::read(path).unwrap()
}

/// Small random damage: flipped bits, stretches overwritten, lengths made huge, ends cut off, pieces repeated.
fn damage(bytes: &mut Vec<u8>, random: &mut Xoshiro256PlusPlus) {
    let mut below = |limit: usize| (random.next_u64() % limit.max(1) as u64) as usize;
    for _ in 0..=below(3) {
        let at = below(bytes.len());
        match below(5) {
            0 => bytes[at] ^= 1 << below(8),
            1 => bytes[at] = below(256) as u8,
            2 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
            3 => bytes.truncate(at.max(1)),
            _ => {
                let piece = bytes[at..(at + 40).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

/// Reads it, whatever it is; a message must be one line that names the file.
fn survive(path: &Path, bytes: &[u8]) {
    survive_as(path, path, bytes, &ImportOptions { max_bytes: 1 << 26, ..ImportOptions::default() });
}

/// Reads `source`, the file or the folder that it lies in.
fn survive_as(source: &Path, path: &Path, bytes: &[u8], options: &ImportOptions) {
    std::fs::write(path, bytes).unwrap();
    match read_panel(source, options) {
        Ok(import) => assert!(import.panel.bars() > 0),
        Err(error @ Error::Panel { .. }) => panic!("the importer built no panel: {error}"),
        Err(error) => {
            let text = error.to_string();
            let name = if source == path { path.file_name() } else { source.file_name() };
            assert!(
                text.contains(&*name.unwrap().to_string_lossy()) && !text.contains('\n') && text.len() < 600,
                "{text}"
            );
        }
    }
}

fn check_damaged(name: &str, rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let sound = sound_file(&path);
    for length in (0..sound.len()).step_by(sound.len() / 40) {
        survive(&path, &sound[..length]);
    }
    for round in 0..rounds {
        let mut bytes = sound.clone();
        damage(&mut bytes, &mut Xoshiro256PlusPlus::seed_from_u64(round));
        survive(&path, &bytes);
    }
}

/// A wide file, alone and between sound ones, with hours and labels asked for.
#[test]
fn damaged_wide_files() {
    let folder = tempfile::tempdir().unwrap();
    let panel = random_walk(40, 3, 5);
    let mut sectors = String::from("symbol,sector\n");
    for name in ["close", "volume"] {
        let mut text = String::from("date");
        for symbol in panel.symbols() {
            write!(text, ",{symbol}").unwrap();
            writeln!(sectors, "{symbol},{name}").unwrap();
        }
        for (bar, row) in panel.field(name).unwrap().rows().into_iter().enumerate() {
            write!(text, "\n{}T{:02}:30", panel.calendar().label(bar), bar % 24).unwrap();
            row.iter().for_each(|value| write!(text, ",{value}").unwrap());
        }
        std::fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    let beside = tempfile::tempdir().unwrap();
    let options = ImportOptions {
        max_bytes: 1 << 26,
        time_zone: Some("America/New_York".to_owned()),
        session: Some("mon-fri 09:30-16:00".parse().unwrap()),
        ..ImportOptions::default()
    };
    let path = folder.path().join("close.csv");
    let sound = std::fs::read(&path).unwrap();
    assert!(read_panel(folder.path(), &options).is_ok());
    for round in 0..1_500 {
        let mut bytes = sound.clone();
        damage(&mut bytes, &mut Xoshiro256PlusPlus::seed_from_u64(round));
        survive_as(folder.path(), &path, &bytes, &options);
        survive(&beside.path().join("close.csv"), &bytes);
    }
    std::fs::write(&path, &sound).unwrap();
    let path = beside.path().join("sectors.csv");
    let options = ImportOptions { sectors: Some(path.clone()), universe: Some(path.clone()), ..options };
    for round in 0..1_500 {
        let mut bytes = sectors.clone().into_bytes();
        damage(&mut bytes, &mut Xoshiro256PlusPlus::seed_from_u64(round));
        std::fs::write(&path, &bytes).unwrap();
        if let Err(error) = read_panel(folder.path(), &options) {
            let text = error.to_string();
            assert!(text.contains("sectors.csv") && !text.contains('\n') && text.len() < 600, "{text}");
        }
    }
}

#[test]
fn damaged_csv() {
    check_damaged("a.csv", 2_000);
}

#[test]
fn damaged_parquet() {
    check_damaged("a.parquet", 2_000);
}

#[test]
fn damaged_ipc() {
    check_damaged("a.ipc", 2_000);
}

/// Every aligned number of an Arrow file made huge in turn: a length that is believed would end the process, as a
/// failed allocation does not unwind.
#[test]
fn huge_lengths_in_ipc() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ipc");
    // Texts too long to stand inline, so that they have buffers of their own.
    let symbols = (0..30).map(|row| format!("a symbol with a long name, number {row}")).collect();
    let table = Table::new()
        .with("date", Column::Time(vec![0; 30]))
        .with("symbol", Column::Text(symbols))
        .with("close", Column::Number(vec![1.0; 30]));
    for compression in [None, Some(IpcCompression::LZ4), Some(IpcCompression::default())] {
        let mut sound = Vec::new();
        IpcWriter::new(&mut sound).with_compression(compression).finish(&mut table.to_frame().unwrap()).unwrap();
        std::fs::write(&path, &sound).unwrap();
        assert_eq!(read_panel(&path, &ImportOptions::default()).unwrap().ledger.rows_kept, 30);
        for at in (0..sound.len() - 8).step_by(8) {
            for number in [1_i64 << 33, 1 << 45, 1 << 61, i64::MAX] {
                let mut bytes = sound.clone();
                bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
                survive(&path, &bytes);
            }
        }
    }
}

#[test]
fn random_bytes_under_every_name() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.csv", "a.csv.gz", "a.csv.zst", "a.parquet", "a.ipc", "a.unknown"];
    let starts: [&[u8]; 6] = [b"", b"date,close\n", b"PAR1", b"ARROW1\0\0", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"];
    let alphabets: [&[u8]; 2] = [b"0123456789-,.\n\"\r A", b""];
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    for round in 0..300 {
        let mut bytes = starts[round % 6].to_vec();
        let alphabet = alphabets[round % 2];
        for _ in 0..random.next_u64() % 400 {
            let byte = random.next_u64();
            bytes.push(if alphabet.is_empty() {
                byte as u8
            } else {
                alphabet[(byte % alphabet.len() as u64) as usize]
            });
        }
        if round % 3 == 0 {
            bytes.extend_from_slice(starts[round % 6]);
        }
        for name in names {
            survive(&folder.path().join(name), &bytes);
        }
    }
}
