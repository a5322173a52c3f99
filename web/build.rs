//! The dashboard is compiled in: see `src/http/dashboard.rs`. It is not built here, `make web` does that.

fn main() {
    // Cargo takes a path that is not there for one that always changes. Where none can be made it is as well.
    let _ = std::fs::create_dir_all("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
}
