import { expect, test } from '@jest/globals';
import { foreignEnvironment } from '../../../src/core/child-env.ts';

test('T-04: programs that are not ours get none of our variables, and all others', () => {
  const env = { PATH: '/bin', HTTPS_PROXY: 'http://proxy', FEDCTL_TOKEN: 'secret', FEDCTL_OPENFGA: '/x' };
  expect(foreignEnvironment(env)).toEqual({ PATH: '/bin', HTTPS_PROXY: 'http://proxy' });
});
