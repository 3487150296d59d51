//! Embeds GraphiQL where it was built (`just explorer`); without it Hale serves a small explorer of its own.

use std::{env, fmt::Write, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=explorer/dist");
    let folder = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("explorer/dist");
    let mut list = String::from("/// The files of GraphiQL; none where it was not built.\nstatic GRAPHIQL: &[(&str, &[u8])] = &[\n");
    add(&folder, &folder, &mut list)?;
    list.push_str("];\n");
    fs::write(Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("graphiql.rs"), list)
}

fn add(root: &Path, folder: &Path, list: &mut String) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add(root, &path, list)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            writeln!(list, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
        }
    }
    Ok(())
}
