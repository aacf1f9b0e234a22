import { openPlane } from '../../src/cli/control.ts';
import { type LoginInput, type LoginResult, logIn } from '../../src/cli/login.ts';
import { selfSigned } from './certificates.ts';
import { type CliProject, makeProject } from './cli.ts';
import { cliContext, type RecordedContext } from './cli-context.ts';
import { type ControlFake, startControlFake } from './control-fake.ts';

/** A login that was typed without any flag. */
export const PLAIN: LoginInput = {
  positionals: [],
  force: false,
  launchBrowser: undefined,
  plain: false,
  grant: undefined,
  settings: {},
  demands: { prompt: '', maxAge: undefined, acrValues: [], loginHint: '' },
  stdin: undefined,
  timeout: undefined,
  wait: true,
  resume: undefined,
  storage: undefined,
  account: undefined,
};

export interface LoginLab {
  readonly fake: ControlFake;
  readonly project: CliProject;
  readonly ca: string;
  /** A context in the project; closed at the end. */
  context(options?: Partial<Parameters<typeof cliContext>[0]>): RecordedContext;
  /** Logs in, in this process. */
  logIn(input?: Partial<LoginInput>, context?: RecordedContext): Promise<LoginResult>;
  close(): Promise<void>;
}

/** A server that does as it is told, and a project that is connected to it. */
export async function openLoginLab(): Promise<LoginLab> {
  const tls = await selfSigned();
  const fake = await startControlFake({ tls });
  const project = await makeProject({ address: fake.address, ca: tls.cert });
  const contexts: RecordedContext[] = [];
  const context: LoginLab['context'] = (options = {}) => {
    const made = cliContext({ cwd: project.dir, ...options });
    contexts.push(made);
    return made;
  };
  return {
    fake,
    project,
    ca: tls.cert,
    context,
    logIn: async (input = {}, within = context()) => await logIn(within, { ...PLAIN, ...input }),
    async close() {
      for (const one of contexts) one.end();
      await fake.kill();
      await project.remove();
    },
  };
}

/** Who a command finds itself logged in as. */
export async function whoIsThere(lab: LoginLab, context = lab.context()): Promise<string> {
  const { client, session } = await openPlane(context, []);
  return (await session.call(client.sessions.whoAmI.bind(client.sessions), {})).account;
}
