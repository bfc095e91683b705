//! Ways to look at a tensor that leave its elements out of order, repeated or skipped in memory.

use burn::tensor::Tensor;

#[derive(Clone, Copy, Debug)]
pub(crate) enum View {
    Whole,
    Transposed,
    Expanded,
    Sliced,
    Flipped,
}

pub(crate) const VIEWS: [View; 5] = [View::Whole, View::Transposed, View::Expanded, View::Sliced, View::Flipped];

impl View {
    pub(crate) fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let dims = x.dims();
        match self {
            Self::Whole => x,
            Self::Transposed => x.swap_dims(0, D - 1),
            Self::Expanded => {
                let mut wide = dims;
                wide[0] = 5;
                x.narrow(0, 0, 1).expand(wide)
            }
            Self::Sliced => x.narrow(D - 1, dims[D - 1] / 2, dims[D - 1] - dims[D - 1] / 2),
            Self::Flipped => x.flip([0]),
        }
    }
}
