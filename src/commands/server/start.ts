import { boolean, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';

export default class ServerStart extends BaseCommand {
  static override description =
    'Run the control plane in the foreground. SIGTERM ends it in order, SIGHUP reloads certificates.';
  static override examples = ['<%= config.bin %> server start --config /etc/fedctl/server.toml'];
  static override flags = {
    config: string({ char: 'c', description: 'configuration file', default: 'server.toml', helpValue: 'FILE' }),
    check: boolean({ description: 'only look whether the configuration is in order', default: false }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(ServerStart);
    const { loadConfig } = await import('../../server/config/load.ts');
    const config = await loadConfig(flags.config);
    if (flags.check) return this.print({ success: true }, ['The configuration is in order.']);

    // The server ends by itself in order; the base command's way would only drop it.
    process.removeAllListeners('SIGINT');
    const { startServer } = await import('../../server/main.ts');
    const { runUntilStopped } = await import('../../server/ops/lifecycle.ts');
    const { failpointsFrom } = await import('../../server/failpoints.ts');
    const server = await startServer(config, failpointsFrom(process.env));
    // On stderr: stdout is the log's.
    const scheme = config.server.plaintext ? 'http' : 'https';
    this.note(`gRPC on ${server.grpcAddress}, HTTP on ${scheme}://${server.httpsAddress}`);
    await runUntilStopped(server, process);
  }

  override async catch(error: unknown): Promise<void> {
    await super.catch(error);
    // A start that failed half-way must not leave the process waiting for what it had opened.
    process.exit();
  }
}
