//! The papers, each as one constant: docs and reports point here.

use std::fmt;

/// A paper.
///
/// # Examples
/// ```
/// use relaxit::reference::CONCRETE;
/// assert!(CONCRETE.to_string().ends_with("arXiv:1611.00712"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The authors' surnames.
    pub authors: &'static str,
    /// The year of publication.
    pub year: u16,
    /// The title.
    pub title: &'static str,
    /// The arXiv identifier, or the venue of papers that are not there.
    pub source: &'static str,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authors, year, title, source } = self;
        write!(f, "{authors} ({year}), {title}, {source}")
    }
}

macro_rules! references {
    ($($name:ident: $authors:literal, $year:literal, $title:literal, $source:literal;)*) => {
        $(
            #[doc = concat!($authors, " (", $year, "), *", $title, "*, ", $source, ".")]
            pub const $name: Reference = Reference {
                authors: $authors,
                year: $year,
                title: $title,
                source: $source,
            };
        )*
    };
}

references! {
    AUTO_ENCODING_VARIATIONAL_BAYES: "Kingma & Welling", 2014, "Auto-Encoding Variational Bayes", "arXiv:1312.6114";
    CONCRETE: "Maddison, Mnih & Teh", 2017,
        "The Concrete Distribution: A Continuous Relaxation of Discrete Random Variables", "arXiv:1611.00712";
    CORRELATED_GATES: "Lee, Imrie & van der Schaar", 2022,
        "Self-Supervision Enhanced Feature Selection with Correlated Gates", "ICLR 2022";
    GUMBEL_SOFTMAX: "Jang, Gu & Poole", 2017, "Categorical Reparameterization with Gumbel-Softmax", "arXiv:1611.01144";
    HARD_KUMARASWAMY: "Bastings, Aziz & Titov", 2019,
        "Interpretable Neural Predictions with Differentiable Binary Variables", "arXiv:1905.08160";
    IMPORTANCE_WEIGHTED_AUTOENCODERS: "Burda, Grosse & Salakhutdinov", 2016, "Importance Weighted Autoencoders",
        "arXiv:1509.00519";
    L0_REGULARIZATION: "Louizos, Welling & Kingma", 2018, "Learning Sparse Neural Networks through L0 Regularization",
        "arXiv:1712.01312";
    PHILOX: "Salmon, Moraes, Dror & Shaw", 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", "doi:10.1145/2063384.2063405";
    REBAR: "Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein", 2017,
        "REBAR: Low-variance, unbiased gradient estimates for discrete latent variable models", "arXiv:1703.07370";
    RELAX: "Grathwohl, Choi, Wu, Roeder & Duvenaud", 2018,
        "Backpropagation through the Void: Optimizing control variates for black-box gradient estimation", "arXiv:1711.00123";
    STOCHASTIC_GATES: "Yamada, Lindenbaum, Negahban & Kluger", 2020, "Feature Selection using Stochastic Gates",
        "arXiv:1810.04247";
    STRAIGHT_THROUGH: "Bengio, Léonard & Courville", 2013,
        "Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation", "arXiv:1308.3432";
}
