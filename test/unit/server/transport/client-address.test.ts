import { describe, expect, test } from '@jest/globals';
import { clientAddresses, peerAddress } from '../../../../src/server/transport/client-address.ts';

const OURS = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'];

describe('whom a request is from', () => {
  const from = clientAddresses(OURS);
  test.each([
    ['a proxy of ours names the client', '10.1.2.3', ['203.0.113.9'], '203.0.113.9'],
    ['a chain of ours: the first that is none', '10.1.2.3', ['203.0.113.9, 192.0.2.7', '10.9.9.9'], '203.0.113.9'],
    ['what a client wrote itself is not believed', '10.1.2.3', ['1.2.3.4, 203.0.113.9'], '203.0.113.9'],
    ['a stranger is not believed', '203.0.113.9', ['1.2.3.4'], '203.0.113.9'],
    ['a proxy that names nobody', '10.1.2.3', [], '10.1.2.3'],
    ['all of them ours', '10.1.2.3', ['10.4.4.4'], '10.4.4.4'],
    ['nonsense ends the chain', '10.1.2.3', ['1.2.3.4, unknown, 10.4.4.4'], '10.4.4.4'],
    ['nonsense at once', '10.1.2.3', ['<script>'], '10.1.2.3'],
    ['IPv6, in brackets too', '2001:db8::1', ['[2001:470::9]'], '2001:470::9'],
    ['IPv4 that came by IPv6', '::ffff:10.1.2.3', ['::ffff:203.0.113.9'], '203.0.113.9'],
  ])('%s', (_what, peer, forwarded, client) => {
    expect(from(peer, forwarded)).toBe(client);
  });

  test('without proxies of ours nobody is believed', () => {
    expect(clientAddresses([])).toBe(peerAddress);
    expect(peerAddress('::ffff:203.0.113.9', ['1.2.3.4'])).toBe('203.0.113.9');
  });
});
