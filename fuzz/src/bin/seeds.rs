//! `fuzz_seeds DIR`: writes what the fuzzer starts from, a folder for each target.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "seeds".into()));
    for target in tracklet_fuzz::targets::all() {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in tracklet_fuzz::seeds::of(target.name) {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
