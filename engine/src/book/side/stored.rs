//! One side of a book as state.

use super::BookSide;
use crate::stored;

stored!(BookSide {
    state: ladder, far, has_levels, overflows;
    made: side;
});
