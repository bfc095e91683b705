//! The devices that this build has, by name.

use anyhow::{Result, bail};
use burn::tensor::{Device, DeviceType};

/// Every device of this build: the CPU, and one for each GPU feature it was compiled with.
pub const NAMES: &[&str] = &[
    "flex",
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "rocm")]
    "rocm",
    #[cfg(feature = "metal")]
    "metal",
    #[cfg(feature = "vulkan")]
    "vulkan",
    #[cfg(feature = "wgpu")]
    "wgpu",
];

/// The first device called `name`.
///
/// # Errors
/// If this build has no device of that name, or this machine has none.
pub fn open(name: &str) -> Result<Device> {
    match all(name)?.into_iter().next() {
        Some(device) => Ok(device),
        None => bail!("device `{name}`: none was found on this machine; `--device flex` is the CPU"),
    }
}

/// The first `count` devices called `name`; the CPU counts as often as it is asked for.
///
/// # Errors
/// If this build has no device of that name, or this machine has too few.
#[cfg(feature = "distributed")]
pub fn open_several(name: &str, count: usize) -> Result<Vec<Device>> {
    if name == "flex" {
        return Ok(vec![open(name)?; count]);
    }
    let mut found = all(name)?;
    anyhow::ensure!(found.len() >= count, "device `{name}`: {count} are wanted, this machine has {}", found.len());
    found.truncate(count);
    Ok(found)
}

fn all(name: &str) -> Result<Vec<Device>> {
    let kind = match name {
        "flex" => DeviceType::Flex,
        #[cfg(feature = "cuda")]
        "cuda" => DeviceType::Cuda,
        #[cfg(feature = "rocm")]
        "rocm" => DeviceType::Rocm,
        #[cfg(feature = "metal")]
        "metal" => DeviceType::Metal,
        #[cfg(feature = "vulkan")]
        "vulkan" => DeviceType::Vulkan,
        #[cfg(feature = "wgpu")]
        "wgpu" => DeviceType::Wgpu,
        _ => bail!("device `{name}` is not in this build, which has: {}", NAMES.join(", ")),
    };
    Ok(Device::enumerate(kind).into_vec())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_of_this_build_is_known() {
        assert!(super::open("flex").is_ok());
        let error = super::open("abacus").unwrap_err().to_string();
        assert!(error.contains("`abacus`") && error.contains("flex"), "{error}");
    }
}
