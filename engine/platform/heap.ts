/**
 * V8's flags for every process of Weir. To be given to `node`: a heap is laid out before a program runs.
 *
 * - The thread that makes garbage also collects the young of it. V8 by default wakes a worker thread a core for each
 *   scavenge; what survives one of ours is some hundred kilobytes, the requests in flight, and the waking cost a gateway
 *   a seventh of its processor time on two cores. Marking of the old stays concurrent, so that a large cache of
 *   customers stops nobody.
 * - Below 64 MB the old are not collected. V8 counts buffers outside the heap as old, and lets a small heap grow by
 *   8 MB between collections: what arrives of NATS had relay and sink mark their whole heap twice a second.
 */
export const HEAP_FLAGS: readonly string[] = ['--no-parallel-scavenge', '--initial-old-space-size=64'];
