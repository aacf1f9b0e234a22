import { type ForwardProxy, parseProxy } from '../core/proxy.ts';
import { readSecretFile } from './config/files.ts';

/** The proxy that a table of the configuration names, with its login; `source` names the setting in errors. */
export async function proxyOf(
  { proxy, proxyLoginFile }: { proxy: string | undefined; proxyLoginFile: string | undefined },
  source: string,
): Promise<ForwardProxy | undefined> {
  if (proxy === undefined) return undefined;
  return parseProxy(proxy, source, proxyLoginFile === undefined ? undefined : await readSecretFile(proxyLoginFile));
}
