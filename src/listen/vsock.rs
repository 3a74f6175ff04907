//! Vsock sockets, between a host and its virtual machines.

use std::io;

use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener};

use crate::config::Address;

/// Binds a port, for one of the machine's numbers or for any.
pub(super) fn bind(cid: Option<u32>, port: u32) -> io::Result<VsockListener> {
    VsockListener::bind(VsockAddr::new(cid.unwrap_or(VMADDR_CID_ANY), port))
}

/// Where it listens.
pub(super) fn address(listener: &VsockListener) -> Address {
    let address = listener.local_addr().ok();
    let cid = address.map(|address| address.cid()).filter(|cid| *cid != VMADDR_CID_ANY);
    Address::Vsock { cid, port: address.map_or(0, |address| address.port()) }
}
