import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Why nothing was sent: where it would go lies in a network that is ours. */
export class PrivateNetworkError extends Error {
  constructor(address: string) {
    super(`${address} lies in a private, loopback or link-local network`);
    this.name = 'PrivateNetworkError';
  }
}

/** True for an address of the public internet; an IPv4 address inside an IPv6 one counts as itself. */
export const isPublic = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

/** The address that a URL names without a name server; undefined for a name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? bare : undefined;
}

/**
 * Finds the addresses of a connection, and refuses it where one of them is not public. The connection is made to what
 * was looked at here, so that a name server cannot answer otherwise a moment later.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error('no address'), '');
    const refused = addresses.find(({ address }) => !isPublic(address));
    if (refused !== undefined) return callback(new PrivateNetworkError(refused.address), '');
    if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
