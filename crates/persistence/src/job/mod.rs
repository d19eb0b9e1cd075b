//! The queue of jobs: table `jobs`.

mod jobs;
