import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../../core/addresses.ts';
import { isPrivate } from '../../core/private-addresses.ts';
import type { ComponentHealth } from '../../core/services.ts';
import { detectFlower, type FlowerTransport } from '../../flower/detection.ts';
import { isFlowerFailure } from '../../flower/failure.ts';

const CONNECT_MS = 1_000;
const OK: ComponentHealth = { name: 'engine-border', ok: true, detail: '' };

export interface BorderOptions {
  readonly name: string;
  /** `host:port` of the engine's Control API, as configured. */
  readonly address: string;
  readonly insecure?: boolean;
  /** This host's addresses; tests bring their own. */
  readonly localAddresses?: () => readonly string[];
  /** Which of them only this host can reach. */
  readonly isLoopbackAddress?: (host: string) => boolean;
}

/**
 * Tells whether others than this server may reach an engine's Control API: an open SuperLink trusts whoever does
 * (design.md "The engine's border"). For a loopback engine it tries the port on every other address of this host, and asks
 * what stands there.
 * An engine elsewhere can't be judged from here but for its address: public and plaintext is reported.
 */
export async function probeBorder(options: BorderOptions): Promise<ComponentHealth> {
  const { host, port } = splitAddress(options.address);
  if (!isLoopback(host) && !isPrivate(host) && options.insecure) return plaintextOnPublicAddress(options.name);
  const own = (options.localAddresses ?? localAddresses)().filter(
    (address) => !(options.isLoopbackAddress ?? isLoopback)(address),
  );
  // An engine on another host: its own doctor must look.
  if (!isLoopback(host) && !own.includes(host)) return OK;
  const tried = own.filter((address) => address !== host || !isPrivate(address));
  const found = await Promise.all(tried.map((address) => controlOn(address, port)));
  const exposed = tried.filter((_, index) => found[index] !== 'nothing');
  return exposed.length === 0 ? OK : exposedOn(options.name, exposed, port, found.includes('http'));
}

function exposedOn(name: string, addresses: readonly string[], port: number, isHttp: boolean): ComponentHealth {
  // From 1.40 on SuperNodes use the same port (flower/facts section 0), so that they need another way in.
  const remedy = isHttp
    ? 'Bind it to 127.0.0.1 (--host), and let SuperNodes in through a path gate: templates/deploy/nginx-engine-gate.conf.'
    : 'Bind it to 127.0.0.1 (--control-api-address).';
  const detail =
    `The Control API of engine "${name}" answers on ${addresses.join(', ')} port ${port}: whoever reaches it can run, ` +
    `read and stop everything without logging in. ${remedy}`;
  return { name: 'engine-border', ok: false, detail };
}

function plaintextOnPublicAddress(name: string): ComponentHealth {
  const detail = `Engine "${name}" is reached in plaintext on a public address. Use TLS, or a loopback or private address.`;
  return { name: 'engine-border', ok: false, detail };
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host, port: Number(address.slice(colon + 1)) };
}

function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
}

/**
 * What a port of this host lets others reach. A path gate or another program answers too, and is fine; whatever can't be
 * told from a Control API counts as one.
 */
async function controlOn(host: string, port: number): Promise<FlowerTransport | 'unknown' | 'nothing'> {
  if (!(await answersOn(host, port))) return 'nothing';
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const kinds: unknown[] = [];
  for (const insecure of [true, false]) {
    try {
      const endpoint = { address, insecure, rootCertificates: undefined };
      return await detectFlower(endpoint, {
        userAgent: 'fedctl',
        connectMs: CONNECT_MS,
        probeMs: CONNECT_MS,
        unverified: true,
      });
    } catch (failure) {
      kinds.push(isFlowerFailure(failure) ? failure.kind : undefined);
    }
  }
  const isElse = kinds.includes('invalid') && kinds.every((kind) => kind === 'invalid' || kind === 'unreachable');
  return isElse ? 'nothing' : 'unknown';
}

function answersOn(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}
