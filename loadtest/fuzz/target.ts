import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, startStack } from '../harness/services.js';
import { fuzzCatalog } from './catalog.js';

/** A busy machine is no outage: every check is decided, however long it takes. */
const PATIENT = { WEIR_STORE_TIMEOUT_MS: '20000', WEIR_STORE_FATE_MS: '60000' };

/** A stack of its own with one gateway, on free ports of loopback, in a temporary folder. */
export async function startFuzzed(): Promise<{ stack: Stack; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-fuzz-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const catalog = join(folder, 'catalog.yaml');
  await writeFile(catalog, fuzzCatalog());
  try {
    const stack = await startStack({ gateways: 1, env: { ...PATIENT, WEIR_CATALOG: catalog } });
    return { stack, stop: () => stack.stop().finally(removeFolder) };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}
