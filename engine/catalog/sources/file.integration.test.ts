import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../loadtest/harness/services.js';
import { catalogYaml, useCatalogBench } from '../testing.js';
import { type FileOutcome, FileSource } from './file.js';

const bench = useCatalogBench();
let folder: string;
let path: string;
let source: FileSource | undefined;
let outcomes: FileOutcome[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-catalog-'));
  path = join(folder, 'catalog.yaml');
  outcomes = [];
});
afterEach(async () => {
  await source?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startSource(): Promise<FileOutcome> {
  const { registry } = bench();
  await registry.initialise({ shards: 1 });
  source = new FileSource({ path, registry, onOutcome: (outcome) => outcomes.push(outcome) });
  return await source.start();
}

const statuses = (): string[] => outcomes.map(({ status }) => status);

describe('the entitlement file', () => {
  it('is in force within a second after it is saved, in place or by a rename', async () => {
    await writeFile(path, catalogYaml(1, ['acme']));
    expect(await startSource()).toMatchObject({ status: 'applied', version: 1 });
    const view = await bench().openView();
    const saves = [
      () => writeFile(path, catalogYaml(2, ['acme'])),
      async () => {
        await writeFile(join(folder, 'catalog.yaml.tmp'), catalogYaml(3, ['acme']));
        await rename(join(folder, 'catalog.yaml.tmp'), path);
      },
      () => appendFile(path, '  - { id: beta, plan: pro }\n'),
    ];
    for (const [index, save] of saves.entries()) {
      await save();
      await waitFor(() => view.version === 2 + index, { timeoutMs: 1_000, what: `save ${index} to be in force` });
    }
    expect(await view.loadCustomer('beta')).toMatchObject({ plan: 'pro' });
  });

  it('that does not hold changes nothing, and tells every fault with its line', async () => {
    await writeFile(path, catalogYaml(1, ['acme']));
    await startSource();
    await writeFile(path, `${catalogYaml(2, ['acme'])}  - { id: beta, plan: por }\n  - { id: acme, plan: pro }\n`);
    const refused = await waitFor(() => outcomes.find(({ status }) => status === 'refused'), {
      timeoutMs: 1_000,
      what: 'the file to be refused',
    });
    expect(refused.status === 'refused' && refused.faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '14: there is no plan "por"',
      '15: there is another customer "acme" above',
    ]);
    expect((await bench().registry.getObject('plan', 'pro'))?.version).toBe(1);
    await writeFile(path, catalogYaml(2, ['acme']));
    await waitFor(() => statuses().at(-1) === 'applied', { timeoutMs: 1_000, what: 'the mended file' });
  });

  it('that is emptied or removed deletes nothing', async () => {
    await writeFile(path, catalogYaml(1, ['acme']));
    await startSource();
    await writeFile(path, '');
    await waitFor(() => statuses().includes('refused'), { timeoutMs: 1_500, what: 'the empty file to be refused' });
    await rm(path);
    await waitFor(() => statuses().includes('unreadable'), { timeoutMs: 1_500, what: 'the loss to be told' });
    expect(await bench().registry.getObject('customer', 'acme')).toBeDefined();
  });

  it('that is missing at the start is taken once it is there', async () => {
    expect(await startSource()).toMatchObject({ status: 'unreadable' });
    await writeFile(path, catalogYaml(1, ['acme']));
    await waitFor(() => statuses().includes('applied'), { timeoutMs: 1_500, what: 'the file to be applied' });
  });

  it('that is written again without a change makes no version', async () => {
    await writeFile(path, catalogYaml(1, ['acme']));
    await startSource();
    await writeFile(path, `# a comment\n${catalogYaml(1, ['acme'])}`);
    await waitFor(() => statuses().includes('unchanged'), { timeoutMs: 1_500, what: 'the file to be looked at' });
    expect((await bench().registry.store.head()).version).toBe(1);
  });

  it('is applied once Redis is back, when it was saved while Redis was away', async () => {
    await writeFile(path, catalogYaml(1, ['acme']));
    await startSource();
    const { service, openView } = bench();
    await service.kill('SIGKILL');
    await writeFile(path, catalogYaml(2, ['acme']));
    await service.restart();
    await waitFor(() => statuses().filter((status) => status === 'applied').length === 2, {
      timeoutMs: 10_000,
      what: 'the file to be applied',
    });
    expect((await openView()).version).toBe(2);
  });
});
