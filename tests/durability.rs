//! Groups on disks that lose their power, fail, and rot: what was promised is kept, and what is not whole is
//! never taken for groups.

mod durability {
    mod acknowledged;
    mod corruption;
    mod drain;
    mod expiry;
    mod failing;
    mod given_up;
    mod power_loss;

    pub(crate) mod disk;
    pub(crate) mod gateway;
    pub(crate) mod random;
    pub(crate) mod stores;
}
