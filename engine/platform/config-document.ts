import { z } from 'zod';
import { CONFIG_FILE } from './config.js';
import { settings, settingsSchema } from './settings.js';

/** `docs/configuration.md`, written from the schema of the settings. */
export function configurationDocument(): string {
  const rows = settings()
    .filter(({ info }) => info.internal !== true)
    .map(({ key, schema, info }) => {
      const unit = info.unit === undefined ? '' : ` (${info.unit})`;
      return `| \`${info.env}\` | \`${key}\` | ${values(schema)}${unit} | ${info.defaultText ?? defaultOf(key)} | ${info.description} |`;
    });
  return `# Configuration

<!-- Written by \`npm run docs\` from engine/platform/settings.ts. Do not edit. -->

A setting is a variable of the environment, or a line of \`${CONFIG_FILE}\` in the working folder, under either name:

\`\`\`yaml
port: 9080
WEIR_DURABILITY: power
\`\`\`

The environment wins; an empty variable counts as unset. A bad value, and a key of the file that is no setting, stop the
start with a message that names it. A service whose URL is unset runs privately under \`WEIR_HOME\`, on a free port of
loopback; one whose URL is set is used as it is, and never stopped. URLs and keys are never logged.

| environment | file | values | default | what it is |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function defaultOf(key: string): string {
  const shape: Readonly<Record<string, z.ZodType>> = settingsSchema.shape;
  const parsed = shape[key]?.safeParse(undefined);
  return parsed?.success && parsed.data !== undefined ? `\`${String(parsed.data)}\`` : 'none';
}

/** The values a setting takes, in words. */
function values(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  if (json.enum !== undefined) return json.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (json.type === 'integer') return `${json.minimum} to ${json.maximum}`;
  return json.minLength !== undefined && json.minLength > 1 ? `text of ${json.minLength} or more characters` : 'text';
}
