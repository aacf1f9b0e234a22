import { string as stringArg } from '@oclif/core/args';
import { string as stringFlag } from '@oclif/core/flags';

/** `[APP] [FEDERATION]`, as flwr has them. */
export const targetArgs = {
  app: stringArg({
    name: 'APP',
    description: 'folder of the app; "." by default. A single argument may also be FEDERATION',
  }),
  federation: stringArg({ description: 'connection in pyproject.toml or config.toml' }),
};

/** `--app` and `--connection`, for commands whose arguments say something else. */
export const targetFlags = {
  app: stringFlag({ description: 'folder of the app whose pyproject.toml holds the connection', helpValue: 'DIR' }),
  connection: stringFlag({ description: 'connection in pyproject.toml or config.toml', helpValue: 'NAME' }),
};

export const RUN_ID_HELP = 'run id, its first digits (6 or more), or "latest" for your newest run';
