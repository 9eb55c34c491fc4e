//! Files that appear whole or not at all.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Writes a file under a temporary name in the same folder and renames it when all went well, so that no one ever
/// sees half of it and an error leaves what was there before.
///
/// # Errors
/// When the folder does not exist or cannot be written, `path` is a folder, or `write` fails.
///
/// # Examples
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.txt");
/// market::write_atomically(&path, |file| file.write_all(b"whole"))?;
/// assert_eq!(std::fs::read(&path)?, b"whole");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), Error> {
    let mut staged = Staged::create(path)?;
    write(staged.file()).map_err(|cause| Error::Write { path: path.to_owned(), cause })?;
    staged.commit()
}

/// A file under a temporary name, removed unless it is committed.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    temporary: PathBuf,
    /// `None` once committed.
    file: Option<File>,
}

impl Staged {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let fail = |cause| Error::Write { path: path.to_owned(), cause };
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(fail(std::io::Error::other("this is a folder; name a file in it")));
        };
        // Several processes may write into one folder; the first free name is taken.
        for attempt in 0..1000 {
            let suffix = format!(".{}-{attempt}.part", std::process::id());
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(name);
            temporary.push(suffix);
            let temporary = path.with_file_name(temporary);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(file) => return Ok(Self { path: path.to_owned(), temporary, file: Some(file) }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fail(error)),
            }
        }
        Err(fail(std::io::Error::other("the folder is full of unfinished .part files; remove them")))
    }

    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("the file is there until it is committed, which consumes it")
    }

    /// Puts the file under its final name.
    pub(crate) fn commit(mut self) -> Result<(), Error> {
        let moved = self.file().sync_all().and_then(|()| std::fs::rename(&self.temporary, &self.path));
        moved.map_err(|cause| Error::Write { path: self.path.clone(), cause })?;
        self.file = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing can be done about a leftover that cannot be removed.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_error_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::other("disk full"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write_atomically(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let onto_folder = write_atomically(folder.path(), |_| Ok(())).unwrap_err().to_string();
        assert!(onto_folder.contains("this is a folder"), "{onto_folder}");
        assert!(write_atomically(&folder.path().join("no/such/file"), |_| Ok(())).is_err());
    }
}
