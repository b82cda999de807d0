//! Labels of metrics: values of closed sets, under the names that dashboards and alerts know.

/// Names that a label may have, and no others.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// All of them, as they are shown.
            #[cfg(test)]
            const ALL: &[&str] = &[$($text),*];

            /// As it is shown.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }
    };
}

label! {
    /// How a reconcile ended.
    Ended {
        /// All that was decided was done and told.
        Ok = "ok",
        /// Something was refused, and what does not depend on it was done and told.
        Refused = "refused",
        /// It took too long.
        Timeout = "timeout",
        /// A step failed.
        Error = "error",
    }
}

label! {
    /// What came of an action.
    Acted {
        /// It was done.
        Done = "done",
        /// What it was decided on had changed.
        Refused = "refused",
        /// It failed, or its outcome is unknown.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests;
