//! Gzipped IDX files, checked by digest.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use md5::{Digest, Md5};

use crate::run::hexadecimal;

/// The largest unpacked file of the set has 47,040,016 bytes; a decompression bomb must not fill the memory.
const UNPACKED_MAX: u64 = 48_000_000;

/// The values of the IDX file at `path`, whose unpacked content must have the MD5 `digest`.
///
/// The digest fixes the content, so the header needs no further check than its own length.
pub(super) fn read(path: &Path, digest: &str) -> Result<Vec<u8>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| {
        format!("data file {shown} cannot be opened (--data-dir names the directory with the four MNIST files)")
    })?;
    let mut unpacked = Vec::new();
    GzDecoder::new(file)
        .take(UNPACKED_MAX)
        .read_to_end(&mut unpacked)
        .with_context(|| format!("data file {shown} is cut short or not gzip"))?;
    let found = hexadecimal(&Md5::digest(&unpacked));
    if found != digest {
        bail!("data file {shown} is not the published one: MD5 of its unpacked content must be {digest}, got {found}");
    }
    // Two zero bytes, the element type, the number of dimensions; then four bytes for each dimension.
    let header = 4 + 4 * usize::from(unpacked.get(3).copied().unwrap_or(0));
    ensure!(unpacked.len() >= header, "data file {shown} is shorter than its header");
    Ok(unpacked.split_off(header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    const CONTENT: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];

    fn packed() -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&CONTENT).unwrap();
        encoder.finish().unwrap()
    }

    fn read_bytes(bytes: &[u8], digest: &str) -> Result<Vec<u8>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.gz");
        std::fs::write(&path, bytes).unwrap();
        read(&path, digest).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn the_payload_follows_the_header() {
        let digest = hexadecimal(&Md5::digest(CONTENT));
        assert_eq!(read_bytes(&packed(), &digest).unwrap(), [7, 8, 9]);
    }

    #[test]
    fn missing_truncated_and_altered_files_are_named() {
        let digest = hexadecimal(&Md5::digest(CONTENT));
        let missing = read(Path::new("/nowhere/data.gz"), &digest).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere/data.gz"));
        let cut = read_bytes(&packed()[..15], &digest).unwrap_err();
        assert!(cut.contains("cut short"), "{cut}");
        let plain = read_bytes(&CONTENT, &digest).unwrap_err();
        assert!(plain.contains("not gzip"), "{plain}");
        let altered = read_bytes(&packed(), "0123").unwrap_err();
        assert!(altered.contains("must be 0123"), "{altered}");
    }
}
