//! The factor room from outside: text, files, canonical form and variation.

mod canonical;
mod dialect_texts;
mod dialects;
mod expression_errors;
mod operator_reference;
mod pandas_values;
mod paper_alphas;
mod printing;
mod round_trip;
mod slow;
mod strategy_file;
mod variation;
mod vocabulary;
