/** What a process tells the supervisor that started it. */
export interface ReadyMessage {
  readonly ready: true;
}

/**
 * Tells the supervisor that this process can do its job. Without a supervisor (a container, a shell) it does nothing:
 * there `/readyz` says the same.
 */
export function reportReady(): void {
  const message: ReadyMessage = { ready: true };
  if (process.connected) process.send?.(message);
}

/** True for a message by `reportReady`. */
export function isReadyMessage(message: unknown): message is ReadyMessage {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
}

/** Name of a process in logs, metrics and pid files: `gateway-0`, `relay`, `sink`, `control`. */
export function processName(role: string, gatewayIndex: number): string {
  return role === 'gateway' ? `gateway-${gatewayIndex}` : role;
}
