//! The market room through its public door.

mod garbage;
mod import;
mod real_panels;
