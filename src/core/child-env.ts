/**
 * An environment for programs that are not ours: without our own variables, which may hold a token or the way to a secret
 * (security.md T-04). User code runs below some of them.
 */
export function foreignEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('FEDCTL_')));
}
