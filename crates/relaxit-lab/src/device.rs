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
    match Device::enumerate(kind).into_vec().into_iter().next() {
        Some(device) => Ok(device),
        None => bail!("device `{name}`: none was found on this machine; `--device flex` is the CPU"),
    }
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
