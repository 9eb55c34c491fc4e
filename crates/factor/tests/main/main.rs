//! The factor room from outside: text, files, canonical form and variation.

mod variation;
