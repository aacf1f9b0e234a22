import { boolean, integer, option, string } from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { openControl } from '../../cli/control.ts';
import { federationArgs } from '../../cli/federation-args.ts';
import { federationDocument, federationLines } from '../../cli/federation-view.ts';
import { simulationSettings } from '../../cli/simulation-settings.ts';
import { checkFederationId } from '../../core/ids.ts';

const trueOrFalse = option({ options: ['true', 'false'] as const });

export default class FederationSimulationConfig extends BaseCommand {
  static override description =
    'Set what runs of a federation for simulations get, unless they say otherwise.\nOnly the settings that are named are changed.';
  static override examples = [
    '<%= config.bin %> federation simulation-config @lab/tests --num-supernodes 10',
    '<%= config.bin %> federation simulation-config @lab/tests --client-resources-num-gpus 0.5',
  ];
  static override args = federationArgs;
  static override flags = {
    'num-supernodes': integer({ description: 'virtual SuperNodes', min: 1 }),
    'client-resources-num-cpus': integer({ description: 'CPUs for each ClientApp', min: 1 }),
    'client-resources-num-gpus': string({ description: 'share of a GPU for each ClientApp: 0.5', helpValue: 'NUMBER' }),
    'backend-name': option({ options: ['ray'] as const })({ description: 'what runs the simulation' }),
    'init-args-num-cpus': integer({ description: 'CPUs for the simulation as a whole', min: 1 }),
    'init-args-num-gpus': integer({ description: 'GPUs for the simulation as a whole', min: 0 }),
    'init-args-logging-level': string({ description: 'logging level of the backend' }),
    'init-args-log-to-driver': trueOrFalse({ description: 'whether logs of the backend come up' }),
    'simulation-verbose': boolean({ description: 'verbose logs of the simulation', allowNo: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(FederationSimulationConfig);
    const id = checkFederationId(args.id);
    const config = simulationSettings(flags);
    const { remote } = await openControl(this.context, [args.app, args.federation]);
    const { federation } = await remote.configureSimulation({ federation: id, config });
    const document = federation === undefined ? null : federationDocument(federation);
    this.print(
      { success: true, 'federation-id': id, federation: document },
      federation === undefined ? [] : await federationLines(federation, [], this.stdio),
    );
  }
}
