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
    ADAM: "Kingma & Ba", 2015, "Adam: A Method for Stochastic Optimization", "arXiv:1412.6980";
    ARM: "Yin & Zhou", 2019, "ARM: Augment-REINFORCE-Merge Gradient for Stochastic Binary Networks", "arXiv:1807.11143";
    ARMS: "Dimitriev & Zhou", 2021, "ARMS: Antithetic-REINFORCE-Multi-Sample Gradient for Binary Variables",
        "arXiv:2105.14141";
    AUTO_ENCODING_VARIATIONAL_BAYES: "Kingma & Welling", 2014, "Auto-Encoding Variational Bayes", "arXiv:1312.6114";
    A_STAR_SAMPLING: "Maddison, Tarlow & Minka", 2014, "A* Sampling", "arXiv:1411.0030";
    CONCRETE: "Maddison, Mnih & Teh", 2017,
        "The Concrete Distribution: A Continuous Relaxation of Discrete Random Variables", "arXiv:1611.00712";
    CORRELATED_GATES: "Lee, Imrie & van der Schaar", 2022,
        "Self-Supervision Enhanced Feature Selection with Correlated Gates", "ICLR 2022";
    COUPLED_ESTIMATORS: "Dong, Mnih & Tucker", 2021, "Coupled Gradient Estimators for Discrete Latent Variables",
        "arXiv:2106.08056";
    DECOUPLED_STRAIGHT_THROUGH: "Shah, Yan, Mozer & Liu", 2024,
        "Improving Discrete Optimisation Via Decoupled Straight-Through Gumbel-Softmax", "arXiv:2410.13331";
    DISARM: "Dong, Mnih & Tucker", 2020, "DisARM: An Antithetic Gradient Estimator for Binary Latent Variables",
        "arXiv:2006.10680";
    DOUBLE_CONTROL_VARIATES: "Titsias & Shi", 2022,
        "Double Control Variates for Gradient Estimation in Discrete Latent Variable Models", "arXiv:2111.05300";
    GAPPED_STRAIGHT_THROUGH: "Fan, Chi, Rudnicky & Ramadge", 2022,
        "Training Discrete Deep Generative Models via Gapped Straight-Through Estimator", "arXiv:2206.07235";
    GENERALIZED_GUMBEL_SOFTMAX: "Joo, Kim, Shin & Moon", 2020,
        "Generalized Gumbel-Softmax Gradient Estimator for Various Discrete Random Variables", "arXiv:2003.01847";
    GUMBEL_RAO: "Paulus, Maddison & Krause", 2021,
        "Rao-Blackwellizing the Straight-Through Gumbel-Softmax Gradient Estimator", "arXiv:2010.04838";
    GUMBEL_SINKHORN: "Mena, Belanger, Linderman & Snoek", 2018,
        "Learning Latent Permutations with Gumbel-Sinkhorn Networks", "arXiv:1802.08665";
    GUMBEL_SOFTMAX: "Jang, Gu & Poole", 2017, "Categorical Reparameterization with Gumbel-Softmax", "arXiv:1611.01144";
    GUMBEL_TOP_K: "Kool, van Hoof & Welling", 2019,
        "Stochastic Beams and Where to Find Them: The Gumbel-Top-k Trick for Sampling Sequences Without Replacement", "arXiv:1903.06059";
    HARD_KUMARASWAMY: "Bastings, Aziz & Titov", 2019,
        "Interpretable Neural Predictions with Differentiable Binary Variables", "arXiv:1905.08160";
    IMPLICIT_MLE: "Niepert, Minervini & Franceschi", 2021,
        "Implicit MLE: Backpropagating Through Discrete Exponential Family Distributions", "arXiv:2106.01798";
    IMPLICIT_REPARAMETERIZATION: "Figurnov, Mohamed & Mnih", 2018, "Implicit Reparameterization Gradients",
        "arXiv:1805.08498";
    IMPORTANCE_WEIGHTED_AUTOENCODERS: "Burda, Grosse & Salakhutdinov", 2016, "Importance Weighted Autoencoders",
        "arXiv:1509.00519";
    INVERTIBLE_GAUSSIAN: "Potapczynski, Loaiza-Ganem & Cunningham", 2020,
        "Invertible Gaussian Reparameterization: Revisiting the Gumbel-Softmax", "arXiv:1912.09588";
    L0_REGULARIZATION: "Louizos, Welling & Kingma", 2018, "Learning Sparse Neural Networks through L0 Regularization",
        "arXiv:1712.01312";
    LAPLACE_BRIDGE: "Hobbhahn, Kristiadi & Hennig", 2020,
        "Fast Predictive Uncertainty for Classification with Bayesian Deep Networks", "arXiv:2003.01227";
    LOGISTIC_NORMAL: "Aitchison & Shen", 1980, "Logistic-normal distributions: Some properties and uses",
        "doi:10.1093/biomet/67.2.261";
    MUPROP: "Gu, Levine, Sutskever & Mnih", 2016,
        "MuProp: Unbiased Backpropagation for Stochastic Neural Networks", "arXiv:1511.05176";
    NEURAL_SORT: "Grover, Wang, Zweig & Ermon", 2019,
        "Stochastic Optimization of Sorting Networks via Continuous Relaxations", "arXiv:1903.08850";
    NVIL: "Mnih & Gregor", 2014, "Neural Variational Inference and Learning in Belief Networks", "arXiv:1402.0030";
    PHILOX: "Salmon, Moraes, Dror & Shaw", 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", "doi:10.1145/2063384.2063405";
    RAO_BLACKWELLIZED: "Liu, Regier, Tripuraneni, Jordan & McAuliffe", 2019,
        "Rao-Blackwellized Stochastic Gradients for Discrete Distributions", "arXiv:1810.04777";
    REBAR: "Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein", 2017,
        "REBAR: Low-variance, unbiased gradient estimates for discrete latent variable models", "arXiv:1703.07370";
    REINFORCE: "Williams", 1992,
        "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
        "doi:10.1007/BF00992696";
    REINMAX: "Liu, Dong, Liu, Yu & Gao", 2023, "Bridging Discrete and Backpropagation: Straight-Through and Beyond",
        "arXiv:2304.08612";
    RELAX: "Grathwohl, Choi, Wu, Roeder & Duvenaud", 2018,
        "Backpropagation through the Void: Optimizing control variates for black-box gradient estimation", "arXiv:1711.00123";
    RLOO: "Kool, van Hoof & Welling", 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!",
        "ICLR 2019 workshop on deep reinforcement learning meets structured prediction";
    RODEO: "Shi, Zhou, Hwang, Titsias & Mackey", 2022, "Gradient Estimation with Discrete Stein Operators",
        "arXiv:2202.09497";
    SIMPLE: "Ahmed, Zeng, Niepert & Van den Broeck", 2023, "SIMPLE: A Gradient Estimator for k-Subset Sampling", "arXiv:2210.01941";
    SOFT_SORT: "Prillo & Eisenschlos", 2020, "SoftSort: A Continuous Relaxation for the argsort Operator", "arXiv:2006.16038";
    SPARSEMAX: "Martins & Astudillo", 2016,
        "From Softmax to Sparsemax: A Sparse Model of Attention and Multi-Label Classification", "arXiv:1602.02068";
    SPARSE_SEQUENCE_TO_SEQUENCE: "Peters, Niculae & Martins", 2019, "Sparse Sequence-to-Sequence Models",
        "arXiv:1905.05702";
    STOCHASTIC_GATES: "Yamada, Lindenbaum, Negahban & Kluger", 2020, "Feature Selection using Stochastic Gates",
        "arXiv:1810.04247";
    STRAIGHT_THROUGH: "Bengio, Léonard & Courville", 2013,
        "Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation", "arXiv:1308.3432";
    SUBSET_SAMPLING: "Xie & Ermon", 2019, "Reparameterizable Subset Sampling via Continuous Relaxations", "arXiv:1901.10517";
    U2G: "Yin, Ho, Yan, Qian & Zhou", 2020,
        "Probabilistic Best Subset Selection via Gradient-Based Optimization", "arXiv:2006.06448";
    UNORDERED_SET: "Kool, van Hoof & Welling", 2020,
        "Estimating Gradients for Discrete Random Variables by Sampling without Replacement", "arXiv:2002.06043";
    VIMCO: "Mnih & Rezende", 2016, "Variational Inference for Monte Carlo Objectives", "arXiv:1602.06725";
}
