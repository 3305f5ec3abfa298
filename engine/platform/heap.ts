/**
 * V8's flags for every process of Weir. To be given to `node`: a heap is laid out before a program runs.
 *
 * - The thread that makes garbage also collects the young of it. V8 by default wakes a worker thread a core for each
 *   scavenge; what survives one of ours is some hundred kilobytes, the requests in flight, and the waking cost a gateway
 *   a seventh of its processor time on two cores. Marking of the old stays concurrent, so that a large cache of
 *   customers stops nobody.
 * - Below 256 MB the old are not collected. V8 counts buffers outside the heap as old, and lets a small heap grow by
 *   8 MB between collections: what arrives of NATS had relay and sink mark their whole heap twice a second. With 64 MB
 *   control plane and gateway still did it every few seconds under 35 000 checks a second, for a quarter of the one's
 *   processor time; and while marking goes on, the collections of the young take twice as long.
 */
export const HEAP_FLAGS: readonly string[] = ['--no-parallel-scavenge', '--initial-old-space-size=256'];
