import { resolve } from 'node:path';
import { integer, option, string } from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.ts';
import { systemClock } from '../core/clock.ts';

const controlPlaneFlag = option({ options: ['in-process', 'none'] as const });

export default class Dev extends BaseCommand {
  static override description = `Start a whole stack on this machine: control plane, login, OpenFGA, Flower.

Everything listens on 127.0.0.1 and ends together: by Ctrl-C, SIGTERM, or when the program that started it ends.

Its state is kept: the next start has the same accounts, sessions, runs and logs.

Ports, counted from BASE: +0 control plane (gRPC), +1 control plane (HTTPS), +2 identity provider, +3 and +4 OpenFGA (HTTP, gRPC), \
+5 to +7 SuperLink (Control, Fleet, ServerAppIo), +8 and +9 SuperNodes.

OpenFGA and Flower are looked for on PATH and in the per-user cache, and fetched into that cache otherwise.`;
  static override examples = [
    '<%= config.bin %> dev',
    '<%= config.bin %> dev --engine none',
    '<%= config.bin %> dev --engine flower@1.41.0',
    '<%= config.bin %> dev --state ./state --ports 20000 --json',
  ];
  static override flags = {
    state: string({ description: 'folder for what is kept; default ~/.local/state/fedctl/dev', helpValue: 'DIR' }),
    ports: integer({ description: 'first of ten ports in a row; default 9093, then as before', helpValue: 'BASE' }),
    engine: string({
      description: 'what runs the apps: none, or the SuperLink of that release of Flower',
      default: 'flower@1.32.1',
      helpValue: 'flower@RELEASE|none',
    }),
    openfga: string({
      description: 'OpenFGA program, or https folder of a release to download',
      env: 'FEDCTL_OPENFGA',
      helpValue: 'PATH|URL',
    }),
    flower: string({
      description: 'folder of a Python environment with flwr in it',
      env: 'FEDCTL_FLOWER',
      helpValue: 'DIR',
    }),
    // For tests that run the control plane as a process of its own, with server.toml of the state folder.
    'control-plane': controlPlaneFlag({ hidden: true, default: 'in-process' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    // The stack ends by itself in order; the base command's way would only drop it.
    process.removeAllListeners('SIGINT');
    const { runDev } = await import('../dev/run.ts');
    await runDev({
      process,
      clock: systemClock,
      json: this.json,
      out: this.stdio.out,
      err: this.stdio.err,
      state: flags.state === undefined ? undefined : resolve(flags.state),
      portBase: flags.ports,
      engine: flags.engine,
      controlPlane: flags['control-plane'] === 'in-process',
      tools: { openfga: flags.openfga, flower: flags.flower },
    });
  }
}
