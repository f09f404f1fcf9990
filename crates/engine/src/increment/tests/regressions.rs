//! What once went wrong.
