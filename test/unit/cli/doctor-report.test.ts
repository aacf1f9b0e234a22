import { describe, expect, test } from '@jest/globals';
import { type Redaction, redact } from '../../../src/cli/doctor-report.ts';

const HERE: Redaction = { home: '/home/ann', project: '/home/ann/work/app', names: ['ann', 'ann-laptop', 'alice'] };
const JWT = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';
const SHA256 = Array.from({ length: 32 }, (_, index) => (index * 7 + 16).toString(16).slice(-2).toUpperCase()).join(
  ':',
);

describe('what a report tells', () => {
  test.each([
    ['/home/ann/work/app/pyproject.toml: fedctl.example.com:9093', '<project>/pyproject.toml: fedctl.example.com:9093'],
    [
      'stored in /home/ann/.flwr/.credentials/lab.json for alice, private',
      'stored in ~/.flwr/.credentials/lab.json for <name>, private',
    ],
    ['Run: chmod go-w /srv/secret-project/app', 'Run: chmod go-w .../app'],
    [`token ${JWT} here`, 'token <secret> here'],
    [`key ${'aB3'.repeat(14)} here`, 'key <secret> here'],
    [
      'http://ann:p%40ss@proxy.example.com:3128, from HTTPS_PROXY',
      'http://<login>@proxy.example.com:3128, from HTTPS_PROXY',
    ],
    ['mail alice@example.com now', 'mail <e-mail> now'],
    ['on ann-laptop', 'on <name>'],
    [`CN=Lab CA, SHA-256 ${SHA256}`, `CN=Lab CA, SHA-256 ${SHA256}`],
    ['https://idp.example.com/realms/lab: device_code, code', 'https://idp.example.com/realms/lab: device_code, code'],
    ['Set root-certificates of the connection', 'Set root-certificates of the connection'],
    ['Hannover and annex stay', 'Hannover and annex stay'],
  ])('%s', (text, told) => {
    expect(redact(text, HERE)).toBe(told);
  });
});
