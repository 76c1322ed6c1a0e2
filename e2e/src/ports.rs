//! Free ports, chosen below the range the kernel hands out by itself, so that no
//! outgoing connection takes one between choosing and binding.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::Result;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port nobody listens on at 127.0.0.1 right now.
///
/// # Errors
///
/// When all are taken.
pub fn free() -> Result<u16> {
    // Processes begin at different places, so that two of them seldom meet.
    let start = u16::try_from(std::process::id().wrapping_mul(37) % u32::from(COUNT))?;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start.wrapping_add(step)) % COUNT;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err("no free port on 127.0.0.1".into())
}

/// The wanted port when nobody has it, else another one.
///
/// # Errors
///
/// When all are taken.
pub fn free_or(wanted: u16) -> Result<u16> {
    if is_free(wanted) { Ok(wanted) } else { free() }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
