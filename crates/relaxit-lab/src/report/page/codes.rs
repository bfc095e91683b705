//! What the codes of auto-encoders are called.

use clap::ValueEnum;

use super::text::count;
use crate::vae::config::VaeConfig;
use crate::vae::latents::Latents;
use crate::vae::method::Kind;
use crate::vae::preset::Preset;

/// What the codes are made of, where bits are choices, and methods of all discrete codes are one with those of sets alone.
pub(super) fn kind(config: &VaeConfig) -> Kind {
    match config.latent.kind() {
        Kind::Bits | Kind::Choices | Kind::Discrete if config.k.is_none() => Kind::BitsOrChoices,
        Kind::Discrete => Kind::Subsets,
        kind => kind,
    }
}

/// The codes in words, the same for all methods of one model.
pub(super) fn code(config: &VaeConfig) -> String {
    let Latents { variables, categories } = config.latents;
    let (items, number) = (categories.unwrap_or(2), |noun| count(variables, noun));
    match kind(config) {
        Kind::Counts => format!("{} below {}", number("count"), config.atoms.unwrap_or_default()),
        Kind::Gates => number("gate"),
        Kind::Groups => format!("{} of {items} bits", number("group")),
        Kind::Orders => format!("{} of {items} items", number("order")),
        Kind::Points => format!("{} of {items} entries on the simplex", number("point")),
        Kind::Subsets => format!("{} of {} among {items} items", number("set"), config.k.unwrap_or_default()),
        Kind::Bits | Kind::BitsOrChoices | Kind::Choices | Kind::Discrete => match model_of(config.latents) {
            Latents { variables, categories: None } => count(variables, "bit"),
            latents => format!("{latents} latents"),
        },
    }
}

/// The preset whose model this is, or its code.
pub(super) fn model_name(config: &VaeConfig) -> String {
    let code = code(config);
    let mut presets = Preset::value_variants().iter().filter(|_| kind(config) == Kind::BitsOrChoices);
    let preset = presets.find(|preset| {
        let of_preset = preset.apply(config.clone());
        let own = |config: &VaeConfig| {
            (
                model_of(config.latents),
                config.layers,
                config.hidden.clone(),
                config.activation,
                config.prior,
                config.batch_size,
            )
        };
        own(&of_preset) == own(config) && of_preset.protocol == config.protocol
    });
    match preset.and_then(ValueEnum::to_possible_value) {
        Some(name) => format!("preset {} ({code})", name.get_name()),
        None => code,
    }
}

/// Two categories are a bit.
pub(super) fn model_of(latents: Latents) -> Latents {
    latents.as_bits().unwrap_or(latents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vae::method::Method;

    /// Orders, sets, counts and points are told from choices and bits of the same shape; one model's methods are not.
    #[test]
    fn codes_have_names_of_their_own() {
        let named = |latent: Method, latents: &str, k: Option<usize>| {
            let latents = latents.parse().unwrap();
            code(&VaeConfig { latents, k, ..VaeConfig::default().with_method(latent) }.resolve().unwrap())
        };
        let choices = [Method::GumbelSoftmax, Method::Rloo, Method::Disarm].map(|method| named(method, "20x2", None));
        assert!(choices.iter().all(|name| name == "20 bits"), "{choices:?}");
        assert_eq!(named(Method::Concrete, "20", None), "20 bits");
        let sets = [Method::Simple, Method::Rloo].map(|method| named(method, "20x5", Some(3)));
        assert_eq!(sets, ["20 sets of 3 among 5 items"; 2]);
        let others = [
            (Method::Rloo, "20x5"),
            (Method::SoftSort, "20x5"),
            (Method::Poisson, "20"),
            (Method::HardConcrete, "20"),
            (Method::CorrelatedRelaxedBernoulli, "20x5"),
            (Method::Dirichlet, "20x5"),
            (Method::Dirichlet, "20x2"),
        ];
        let others = others.map(|(method, latents)| named(method, latents, None));
        let expected = [
            "20x5 latents",
            "20 orders of 5 items",
            "20 counts below 16",
            "20 gates",
            "20 groups of 5 bits",
            "20 points of 5 entries on the simplex",
            "20 points of 2 entries on the simplex",
        ];
        assert_eq!(others, expected);
    }
}
