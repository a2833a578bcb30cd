//! The `pcapsule` program: see `pcapsule --help`.

use pcapsule::cli::{self, Exit};

// Many small strings come and go: this allocator halves their cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Exit {
    cli::run()
}
