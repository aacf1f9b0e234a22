import { askAgent } from '../credentials/agent-client.ts';
import { entryCount } from './agent-entries.ts';
import { type Finding, failed, ok, warn } from './finding.ts';

/** The agent that this shell names, if any. */
export async function checkAgent(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const socket = env.FEDCTL_AGENT_SOCK;
  if (!socket) return [];
  try {
    const { locked, entries = [] } = await askAgent(socket, { op: 'list' });
    if (locked) return [warn('agent', `locked, at ${socket}`, 'Run: fedctl agent unlock')];
    return [ok('agent', `holds ${entryCount(entries.length)}, at ${socket}`)];
  } catch (error) {
    return [failed('agent', error)];
  }
}
