//! Prints the custom resource definition.
#![allow(clippy::print_stdout)] // It prints; that is all it does.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", quorate_crds::crd_yaml()?);
    Ok(())
}
