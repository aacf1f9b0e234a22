import { isIPv4 } from 'node:net';

/** True for 127.0.0.0/8, ::1 (also mapped or in brackets) and "localhost". */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/i, '');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}
