import { afterEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../../../src/server/ops/metrics.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function registry() {
  const made = createMetrics();
  open.push(made);
  return made;
}

test('what is counted is shown, and two registries do not mix', async () => {
  const [one, two] = [registry(), registry()];
  one.metrics.count('access_decisions_total', { decision: 'deny' });
  one.metrics.observe('rpc_duration_seconds', { method: 'ListRuns', code: 'OK' }, 0.02);
  one.metrics.set('certificate_days_left', {}, 12.5);
  const { text, contentType } = await one.render();
  expect(contentType).toMatch(/^text\/plain/);
  expect(text).toContain('fedctl_access_decisions_total{decision="deny"} 1');
  expect(text).toContain('fedctl_rpc_duration_seconds_bucket{le="0.025",method="ListRuns",code="OK"} 1');
  expect(text).toContain('fedctl_certificate_days_left 12.5');
  expect(text).toMatch(/process_resident_memory_bytes \d{7,}/);
  expect((await two.render()).text).not.toContain('decision="deny"');
});

test('F-42: a blocked event loop shows', async () => {
  const { render } = registry();
  await new Promise((done) => setTimeout(done, 60));
  const end = performance.now() + 200;
  while (performance.now() < end);
  await new Promise((done) => setTimeout(done, 60));
  const lag = /^fedctl_event_loop_lag_max_seconds (\S+)/m.exec((await render()).text)?.[1];
  expect(Number(lag)).toBeGreaterThan(0.1);
});
