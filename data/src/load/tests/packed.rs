//! Packed files, whole and broken.

use std::io::Write;

use super::*;

fn text() -> String {
    let rows =
        (0..5_000).map(|row| format!("{},1{row},1{row},1{row},1{row}\n", 1_600_000_000 + row * 60));
    format!("time,open,high,low,close\n{}", rows.collect::<String>())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut packer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        packer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        packer.write_all(text.as_bytes()).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

fn attempt(name: &str, bytes: &[u8]) -> Result<usize, String> {
    match load_bytes(name, bytes, &LoadOptions::default()) {
        Ok(loaded) => Ok(loaded[0].len()),
        Err(error) => {
            assert_eq!(error.code(), 3);
            Err(error.to_string())
        }
    }
}

#[test]
fn every_container_is_recognised_by_its_content() {
    let text = text();
    let packed = gzip(text.as_bytes());
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let zip = archive(&[("X.csv", &text)]);
    for name in ["X.csv.gz", "X.csv", "data"] {
        assert_eq!(attempt(name, &packed), Ok(5_000), "{name}");
    }
    assert_eq!(attempt("X.csv.zst", &zstd), Ok(5_000));
    assert_eq!(attempt("X.zip", &zip), Ok(5_000));
    // Two members, one after the other.
    let (first, second) = text.split_at(20_000);
    let joined = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    assert_eq!(attempt("X.csv.gz", &joined), Ok(5_000));
    let loaded = load_bytes("X.csv.gz", &packed, &LoadOptions::default()).unwrap();
    assert!(loaded[0].source().format.ends_with("gzip"));
    use sha2::Digest;
    let hash: String =
        sha2::Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(loaded[0].source().sha256, hash);
}

#[test]
fn broken_containers_say_so() {
    let text = text();
    let packed = gzip(text.as_bytes());
    let message = attempt("X.csv.gz", &packed[..packed.len() / 2]).unwrap_err();
    assert!(message.contains("truncated"), "{message}");
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0xff);
    let message = attempt("X.csv.gz", &damaged).unwrap_err();
    assert!(message.contains("damaged") || message.contains("truncated"), "{message}");
    let message = attempt("X.csv.gz", text.as_bytes()).unwrap_err();
    assert!(message.contains("the name says gzip, but the content is not"), "{message}");
    assert!(message.contains("drop the .gz"), "{message}");
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let message = attempt("X.csv.zst", &zstd[..zstd.len() - 30]).unwrap_err();
    assert!(message.contains("truncated") || message.contains("damaged"), "{message}");
    let zip = archive(&[("X.csv", &text)]);
    let message = attempt("X.zip", &zip[..zip.len() - 40]).unwrap_err();
    assert!(message.contains("zip archive is truncated"), "{message}");
    let message = attempt("X.zip", &archive(&[("a.csv", "x"), ("b.csv", "y")])).unwrap_err();
    assert!(message.contains("2 files (a.csv, b.csv)"), "{message}");
    assert!(attempt("X.zip", &archive(&[])).is_err());
    let message = attempt("X.xz", b"\xfd7zXZ\0abcdef").unwrap_err();
    assert!(message.contains("xz-compressed") && message.contains("Supported"), "{message}");
    let message = attempt("X.parquet", b"PAR1abcdefgh").unwrap_err();
    assert!(message.contains("Parquet"), "{message}");
    let message = attempt("X.dbn", b"DBN\x01abcdefgh").unwrap_err();
    assert!(message.contains("no DBN that can be read"), "{message}");
}
