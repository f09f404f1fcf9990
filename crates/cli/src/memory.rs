//! The allocator, and what happens when the system refuses memory.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::io::Write as _;
use tracklet_display::error::MORE_MEMORY;

/// Mimalloc, with an error message in place of an abort when the system refuses memory.
pub struct Allocator;

// SAFETY: every call is passed on to `MiMalloc` unchanged, and its answer is returned unless the program ends.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        granted(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        granted(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        granted(unsafe { MiMalloc.realloc(block, layout, size) }, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { MiMalloc.dealloc(block, layout) }
    }
}

#[inline]
fn granted(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        refused(size);
    }
    block
}

/// Ends the program: nothing that it could do next is sure to work without memory. The folder of an unfinished run is
/// removed by the next one, as after a crash.
#[cold]
fn refused(size: usize) -> ! {
    // Formatting a number and a text takes no memory, and stderr has no buffer.
    let _ = write!(
        std::io::stderr(),
        "error: the system refused {size} bytes of memory\n\n\
         hint: {MORE_MEMORY}\n"
    );
    std::process::exit(2)
}
