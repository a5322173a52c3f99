//! Nothing lost, whatever happens: the gateway is killed, paused, given a full disk, one that fails, one that
//! lies, one that rots, and clocks that jump. Each protection has its control: without it, the test sees it.

mod clocks;

mod copies;

mod damage;

mod directory;

mod full_disk;

mod kills;

mod power_cut;

mod storm;

mod syncs;
