import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listenAtFailPoints } from '../../engine/platform/fail-point.js';
import { orderPath } from './fail-points.js';

/**
 * Loaded before the main of every process of a stack that was started with `failPoints: true` (node's --import). A process
 * that passes a fail point for which an order lies in WEIR_HOME takes the order away, and dies there as by kill -9.
 */
const home = process.env.WEIR_HOME;
if (home !== undefined) {
  listenAtFailPoints((point) => {
    const order = orderPath(join(home), point);
    if (!existsSync(order)) return;
    rmSync(order);
    process.kill(process.pid, 'SIGKILL');
  });
}
