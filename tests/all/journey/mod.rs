//! The main job from end to end: a merchant connects an account, and the tenant reads its records and is told.

mod main_job;
