import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listenAtFailPoints } from '../../engine/platform/fail-point.js';
import { orderPath } from './fail-points.js';

/**
 * Loaded before the main of every process of a stack that was started with `failPoints: true` (node's --import). A process
 * that passes a fail point for which an order lies in WEIR_HOME writes its pid into it, and dies there as by kill -9. An order
with a pid in it has been obeyed.
 */
const home = process.env.WEIR_HOME;
if (home !== undefined) {
  listenAtFailPoints((point) => {
    const order = orderPath(join(home), point);
    if (!existsSync(order) || readFileSync(order, 'utf8') !== '') return;
    writeFileSync(order, String(process.pid));
    process.kill(process.pid, 'SIGKILL');
  });
}
