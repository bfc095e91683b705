//! The papers, each as one constant: docs and reports point here.

pub use relaxit::reference::Reference;

macro_rules! references {
    ($($name:ident: $authors:literal, $year:literal, $title:literal, $source:literal;)*) => {
        $(
            #[doc = concat!($authors, " (", $year, "), *", $title, "*, ", $source, ".")]
            pub const $name: Reference =
                Reference { authors: $authors, year: $year, title: $title, source: $source };
        )*
    };
}

references! {
    ACROBOT: "Sutton", 1996,
        "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse Coding", "NeurIPS 8";
    CART_POLE: "Barto, Sutton & Anderson", 1983,
        "Neuronlike Adaptive Elements That Can Solve Difficult Learning Control Problems",
        "IEEE Transactions on Systems, Man, and Cybernetics 13(5)";
    GYMNASIUM: "Towers et al.", 2024, "Gymnasium: A Standard Interface for Reinforcement Learning Environments",
        "arXiv:2407.17032";
    PCG: "O'Neill", 2014,
        "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number Generation",
        "Harvey Mudd College, HMC-CS-2014-0905";
    SEED_SEQUENCE: "O'Neill", 2015, "Developing a seed_seq Alternative", "pcg-random.org";
    TAXI: "Dietterich", 2000, "Hierarchical Reinforcement Learning with the MAXQ Value Function Decomposition",
        "Journal of Artificial Intelligence Research 13";
}
