import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { type Config, type SettingKey, settings, settingsSchema } from './settings.js';

export type { Config } from './settings.js';

/** The settings file that is read when it exists in the working folder. */
export const CONFIG_FILE = 'weir.config.yaml';

/** Settings that do not hold. The message has one line a fault, each naming the setting, and never a secret's value. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from the environment and from `weir.config.yaml`; the environment wins, an empty variable counts as unset.
 *
 * @param file path of the settings file; left out, `weir.config.yaml` in the working folder, if there is one.
 * @throws ConfigError for a bad value, an unknown key in the file, or a named file that cannot be read.
 */
export function loadConfig(env: Environment, file?: string): Config {
  const faults: string[] = [];
  const values: Partial<Record<SettingKey, unknown>> = readFileSettings(file, faults);
  for (const { key, info } of settings()) {
    const text = env[info.env];
    if (text !== undefined && text !== '') values[key] = text;
  }
  const parsed = settingsSchema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) faults.push(`${nameOf(issue.path[0])} ${issue.message}`);
  } else {
    if (parsed.data.port === parsed.data.consolePort) faults.push('WEIR_CONSOLE_PORT must differ from WEIR_PORT');
    if (parsed.data.storeFateMs < parsed.data.storeTimeoutMs) {
      faults.push('WEIR_STORE_FATE_MS must be at least WEIR_STORE_TIMEOUT_MS');
    }
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);
  return { ...parsed.data, home: resolve(parsed.data.home) };
}

/** Variables that look like settings but are none, each with the nearest name: likely slips, worth a warning. */
export function unknownVariables(env: Environment): string[] {
  const known = settings().map(({ info }) => info.env);
  return Object.keys(env)
    .filter((name) => name.startsWith('WEIR_') && !known.includes(name))
    .map((name) => `${name} is not a setting${suggestion(name, known)}`);
}

/** The environment that gives a child process these settings. */
export function configEnvironment(config: Config): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { key, info } of settings()) {
    const value = config[key];
    if (value !== undefined) env[info.env] = String(value);
  }
  return env;
}

function readFileSettings(file: string | undefined, faults: string[]): Partial<Record<SettingKey, unknown>> {
  const name = file ?? CONFIG_FILE;
  const document = readYaml(name, file !== undefined, faults);
  if (document === undefined || document === null) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    faults.push(`${name} must be a list of "setting: value" lines`);
    return {};
  }
  const known = new Map(settings().flatMap(({ key, info }) => [[key, key] as const, [info.env, key] as const]));
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const [written, value] of Object.entries(document)) {
    const key = known.get(written);
    if (key === undefined) faults.push(`${name}: ${written} is not a setting${suggestion(written, [...known.keys()])}`);
    else if (key in values) faults.push(`${name}: ${written} is set twice`);
    else if (value !== null) values[key] = value;
  }
  return values;
}

function readYaml(name: string, mustExist: boolean, faults: string[]): unknown {
  try {
    return parse(readFileSync(name, 'utf8'), { prettyErrors: false });
  } catch (error) {
    if (error instanceof YAMLParseError) faults.push(`${name} is not valid YAML: ${error.message}`);
    else if (mustExist || !isMissing(error)) faults.push(`${name} cannot be read: ${String(error)}`);
    return undefined;
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

function nameOf(key: PropertyKey | undefined): string {
  return settings().find((setting) => setting.key === key)?.info.env ?? String(key);
}

function suggestion(written: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(written.toLowerCase(), name.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)[0];
  return near !== undefined && near.distance <= 3 ? `; did you mean ${near.name}?` : '';
}

/** Levenshtein's distance: single-character edits between two words. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
