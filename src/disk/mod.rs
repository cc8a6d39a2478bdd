//! The rim: the disk and the network, turned into values.
