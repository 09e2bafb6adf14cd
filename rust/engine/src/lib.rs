//! `gateway._engine`: the border between Trio and the workers. Glue only, no logic.
