/** URLs of services: they carry credentials, so nothing prints them but through `redactUrl`. */

const SECRET_PARAMETER = /pass|token|secret|key/i;

/**
 * A URL (or several, separated by commas) as it may be logged: user, password, and secret query values hidden.
 * What is no URL is hidden whole, since nobody knows what is in it.
 */
export function redactUrl(urls: string): string {
  if (!isClusterUrl(urls)) return urls.split(',').map(redactOne).join(',');
  const [, scheme = '', credentials = '', nodes = ''] = CLUSTER_URL.exec(urls.trim()) ?? [];
  return scheme === '' ? '[not a URL]' : `${scheme}://${credentials && '***@'}${nodes}`;
}

function redactOne(text: string): string {
  if (!URL.canParse(text.trim())) return '[not a URL]';
  const url = new URL(text.trim());
  if (url.username !== '' || url.password !== '') {
    url.username = '***';
    url.password = '';
  }
  for (const name of [...url.searchParams.keys()]) {
    if (SECRET_PARAMETER.test(name)) url.searchParams.set(name, '***');
  }
  return url.toString().replace(/\/$/, '');
}

const CLUSTER_URL = /^(rediss?\+cluster):\/\/(?:([^@/]*)@)?([^@/?#]+)\/?$/;

/** Where a Redis Cluster is found: some of its nodes, which name the others. */
export interface ClusterAddress {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
}

export const isClusterUrl = (url: string): boolean => /^rediss?\+cluster:/.test(url.trim());

/**
 * `redis+cluster://user:password@host:7000,host:7001` (TLS: `rediss+cluster`); undefined for anything else. Credentials
 * are those of all nodes; a comma or an at sign in them is percent-encoded.
 */
export function parseClusterUrl(text: string): ClusterAddress | undefined {
  const match = CLUSTER_URL.exec(text.trim());
  if (match === null) return undefined;
  const [, scheme = '', credentials = '', nodes = ''] = match;
  const urls = nodes.split(',').map((node) => `redis://${node.trim()}`);
  const first = `redis://${credentials && `${credentials}@`}h`;
  if (![first, ...urls].every((url) => URL.canParse(url) && new URL(url).hostname !== '')) return undefined;
  const { username, password } = new URL(first);
  return {
    nodes: urls.map((url) => {
      const { hostname, port } = new URL(url);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || '6379') };
    }),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    tls: scheme.startsWith('rediss'),
  };
}

/** Options for `connect` of the `nats` package, which ignores credentials that stand in a URL. */
export interface NatsConnectionOptions {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
  tls?: Record<string, never>;
  noAsyncTraces: boolean;
}

/**
 * NATS_URL as the client wants it: `nats://user:password@host:4222`, `nats://token@host`, several separated by commas
 * (the first one with credentials speaks for all). `tls://` asks for TLS.
 */
export function natsConnectionOptions(natsUrl: string): NatsConnectionOptions {
  const urls = natsUrl.split(',').map((text) => new URL(text.trim()));
  const options: NatsConnectionOptions = {
    servers: urls.map((url) => `${url.hostname}:${url.port || '4222'}`),
    // Else the client makes an Error for each publish, in case it fails: a twentieth of the relay's time.
    noAsyncTraces: true,
  };
  const withUser = urls.find((url) => url.username !== '');
  if (withUser !== undefined) {
    const user = decodeURIComponent(withUser.username);
    if (withUser.password === '') options.token = user;
    else {
      options.user = user;
      options.pass = decodeURIComponent(withUser.password);
    }
  }
  if (urls.some((url) => url.protocol === 'tls:')) options.tls = {};
  return options;
}
