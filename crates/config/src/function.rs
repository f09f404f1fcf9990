//! The functions that derive a column, by their names in the file.

use tracklet_kernel::registry::CarriedType;

/// A function that derives a column from a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The host of a URL.
    Host,
    /// Whether a user agent is that of a program which nobody looks at.
    IsBot,
    /// The browser of a user agent.
    Browser,
    /// The operating system that an SDK names, or else that of a user agent.
    Os,
    /// The kind of device of a user agent, or else of the operating system that an SDK names.
    DeviceCategory,
}

/// Every function with its name in the file.
pub const FUNCTIONS: [(&str, Function); 5] = [
    ("host", Function::Host),
    ("is_bot", Function::IsBot),
    ("browser", Function::Browser),
    ("os", Function::Os),
    ("device_category", Function::DeviceCategory),
];

/// The key with the name of the operating system.
pub(super) const OS_NAME: &str = "os_name";

impl Function {
    /// The function's name in the file.
    pub fn name(self) -> &'static str {
        FUNCTIONS[self as usize].0
    }

    /// Whether the name of an operating system has a say.
    pub fn takes_os_name(self) -> bool {
        matches!(self, Self::Os | Self::DeviceCategory)
    }

    /// What the derived values are.
    pub(super) fn carried_type(self) -> CarriedType {
        if self == Self::IsBot { CarriedType::Truth } else { CarriedType::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn names_of_functions_stand_in_their_order() {
        assert!(FUNCTIONS.iter().enumerate().all(|(place, (_, function))| *function as usize == place));
    }
}
