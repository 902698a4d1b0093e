//! Which of the venue's markets is simulated.

/// A product type in the venue's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// What is bought is owned.
    Spot,
    /// Perpetuals with margin in the asset that prices are in.
    Linear,
}

impl Category {
    /// Its name on the wire.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Linear => "linear",
        }
    }

    /// The depths of books that are streamed, and every how many milliseconds.
    pub(super) const fn depths(self) -> [(usize, i64); 4] {
        match self {
            Self::Spot => [(1, 10), (50, 20), (200, 200), (1000, 200)],
            Self::Linear => [(1, 10), (50, 20), (200, 100), (1000, 200)],
        }
    }

    /// The product of the protection against disconnections.
    pub(super) const fn product(self) -> &'static str {
        match self {
            Self::Spot => "SPOT",
            Self::Linear => "DERIVATIVES",
        }
    }
}

/// What a WebSocket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The market.
    Public,
    /// The account.
    Private,
    /// Orders.
    Trade,
}

/// What a WebSocket at that path is for.
pub(super) fn way(category: Category, path: &str) -> Option<Way> {
    match path.trim_end_matches('/') {
        "/v5/private" => Some(Way::Private),
        "/v5/trade" => Some(Way::Trade),
        other => {
            let public = other.strip_prefix("/v5/public/")?;
            (public == category.text()).then_some(Way::Public)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_its_way() {
        assert_eq!(way(Category::Spot, "/v5/public/spot"), Some(Way::Public));
        assert_eq!(way(Category::Spot, "/v5/public/linear"), None);
        assert_eq!(way(Category::Linear, "/v5/public/linear/"), Some(Way::Public));
        assert_eq!(way(Category::Linear, "/v5/private"), Some(Way::Private));
        assert_eq!(way(Category::Linear, "/v5/trade"), Some(Way::Trade));
        assert_eq!(way(Category::Linear, "/"), None);
    }
}
