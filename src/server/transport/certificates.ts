import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { type Metrics, silentMetrics } from '../../core/metrics.ts';
import { type CertificatePair, readPair } from '../config/pair.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = 14;
/** A renewal writes two files: wait until both are there. */
const SETTLE_MS = 250;

/** The certificate in use, and news about it. */
export interface Certificates {
  current(): CertificatePair;
  /** Calls back with each new valid pair; returns how to stop that. */
  onChange(callback: (pair: CertificatePair) => void): () => void;
  /** Reads the files again; a pair that can't be used is logged and the old one stays (security.md F-38). True if a new one was taken up. */
  reload(): Promise<boolean>;
  close(): void;
}

export interface CertificateSource {
  readonly certFile: string;
  readonly keyFile: string;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  /** How often the files are read where the file system gives no signal, in ms. */
  readonly pollMs?: number;
}

/** @throws FAILED_PRECONDITION CERTIFICATE_UNUSABLE if the first pair can't be used. */
export async function createCertificates(source: CertificateSource): Promise<Certificates> {
  const { log, metrics = silentMetrics, clock = systemClock } = source;
  const callbacks = new Set<(pair: CertificatePair) => void>();
  const read = () => readPair({ certFile: source.certFile, keyFile: source.keyFile, now: clock.now() });
  const expiry = createExpiryWatch(log, metrics, clock);
  let pair = await read();
  let lastFailure = '';

  async function reload(): Promise<boolean> {
    try {
      const next = await read();
      lastFailure = '';
      if (next.cert.equals(pair.cert) && next.key.equals(pair.key)) return false;
      pair = next;
      log.info({ fingerprint: pair.fingerprint, notAfter: new Date(pair.notAfter) }, 'a new certificate is in use');
      for (const callback of callbacks) callback(pair);
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (message !== lastFailure)
        log.error({ err: error }, `the new certificate can't be used, the old one stays: ${message}`);
      if (message !== lastFailure) metrics.count('certificate_reload_failures_total', {});
      lastFailure = message;
      return false;
    } finally {
      expiry.check(pair);
    }
  }

  expiry.check(pair);
  const stopWatching = watchFiles(source, reload);
  return {
    current: () => pair,
    onChange(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    reload,
    close: stopWatching,
  };
}

/** Watches the folders, not the files: renewals rename files or swap a symlink, as Kubernetes does with `..data`. */
function watchFiles({ certFile, keyFile, pollMs = 60_000, log }: CertificateSource, reload: () => Promise<unknown>) {
  let settling: NodeJS.Timeout | undefined;
  const poll = setInterval(() => void reload(), pollMs).unref();
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => void reload(), SETTLE_MS).unref();
  };
  const watchers = [...new Set([dirname(certFile), dirname(keyFile)])].map((folder) => watchFolder(folder, soon, log));
  return () => {
    clearTimeout(settling);
    clearInterval(poll);
    for (const watcher of watchers) watcher?.close();
  };
}

function watchFolder(folder: string, changed: () => void, log: Logger): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, changed);
    return watcher.on('error', (error) => log.warn({ err: error }, 'the certificate folder is polled only'));
  } catch (error) {
    log.warn({ err: error }, 'the certificate folder is polled only');
    return undefined;
  }
}

/** Tells the days left to the metrics, and to the log once a day below two weeks. */
function createExpiryWatch(log: Logger, metrics: Metrics, clock: Clock) {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    check({ notAfter }: CertificatePair): void {
      const daysLeft = (notAfter - clock.now()) / DAY_MS;
      metrics.set('certificate_days_left', {}, daysLeft);
      if (daysLeft >= WARN_DAYS || clock.now() - warnedAt < DAY_MS) return;
      warnedAt = clock.now();
      const notice = { notAfter: new Date(notAfter), daysLeft: Math.floor(daysLeft) };
      if (daysLeft <= 0) log.error(notice, 'the certificate has expired: clients refuse this server');
      else log.warn(notice, 'the certificate expires soon');
    },
  };
}
