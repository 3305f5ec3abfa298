import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** System tests that wait for repairs most of their time; the longest first, so that the others run beside it. */
const FAULTS = [
  'loadtest/chaos/chaos.system.test.ts',
  'analytics/alerts/alerts-kill.system.test.ts',
  'analytics/reconcile/reconcile.system.test.ts',
  'analytics/rebuild/rebuild.system.test.ts',
  'analytics/sink/sink-kill.system.test.ts',
];

class FaultsInOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => FAULTS.findIndex((file) => moduleId.endsWith(file));
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

/**
 * `unit` needs nothing; `integration` starts private services; `system` runs the built program as a user would, or a
 * cluster whose elections want the machine for themselves, one file at a time; `faults` are beside each other.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: FaultsInOrder },
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          // Unit tests keep to their files; one loading of the contract for all of them halves the time.
          isolate: false,
          // More than there are cores: some wait.
          maxWorkers: 3,
          include: ['{engine,ingest,analytics,loadtest}/**/*.test.ts', 'scripts/**/*.test.mjs'],
          exclude: ['**/*.integration.test.ts', '**/*.system.test.ts', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          include: ['{engine,ingest,analytics,loadtest}/**/*.integration.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'system',
          sequence: { groupOrder: 2 },
          include: ['{engine,ingest,analytics,loadtest}/**/*.system.test.ts'],
          exclude: [...FAULTS, '**/node_modules/**'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          sequence: { groupOrder: 3 },
          include: FAULTS,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
