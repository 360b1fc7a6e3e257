/**
 * Environment of a process that moves much data: glibc keeps up to 64 MiB of what was freed, instead of giving it back and asking for it again, page by page,
 * for each chunk that a socket reads (mallopt(3); other allocators ignore it). The images of the gateways say the same.
 */
export const ALLOCATOR_ENVIRONMENT = {
  MALLOC_TRIM_THRESHOLD_: String(64 * 1024 * 1024),
  MALLOC_TOP_PAD_: String(1024 * 1024),
  // Setting one of them ends the adjustment of the others, which would have raised this one too.
  MALLOC_MMAP_THRESHOLD_: String(1024 * 1024),
} as const;
