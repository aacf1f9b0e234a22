import { PULSE, PULSE_MS, pulsing } from '../../../core/pulse.ts';
import type { LoginPoll } from '../../../core/services.ts';
import { callerOf, type Handlers } from '../call.ts';

type LoginHandlers = Pick<
  Handlers,
  | 'login.providers'
  | 'login.start'
  | 'login.poll'
  | 'login.await'
  | 'login.finish'
  | 'login.password'
  | 'login.page'
  | 'login.confirm'
  | 'login.deny'
  | 'login.callback'
  | 'token.exchange'
  | 'token.provider'
>;

const SECOND = 1000;

export const loginHandlers: LoginHandlers = {
  'login.providers': async (services) => ({ providers: await services.login.providers() }),

  'login.start': (services, call, input) => services.login.start(input, call.peer),

  'login.poll': (services, _call, input) => services.login.poll(input.handle),

  'login.await': async (services, call, { handle }): Promise<AsyncIterable<LoginPoll>> =>
    awaited(services.login.await(handle, call.signal), services.facts.pulseMs ?? PULSE_MS),

  'login.finish': (services, _call, { handle, answer }) => services.login.finish(handle, answer),

  'login.password': (services, call, input) => services.login.password(input, call.peer),

  'login.page': (services, call, { userCode }) => services.pages.page(userCode, call.peer),

  'login.confirm': (services, call, { userCode, browser }) => services.pages.confirm(userCode, browser, call.peer),

  'login.deny': async (services, call, { userCode }) => {
    await services.pages.deny(userCode, call.peer);
    return {};
  },

  'login.callback': (services, call, { provider, answer, browser }) =>
    services.pages.callback(provider, answer, browser, call.peer),

  'token.exchange': (services, call, input) => services.exchange.exchange(input, call.peer),

  'token.provider': (services, call, { minLife }) =>
    services.exchange.providerToken(callerOf(call).session, minLife * SECOND),
};

/** A person takes minutes: "pending" at times, so that no balancer takes the stream for dead. */
async function* awaited(polls: AsyncIterable<LoginPoll>, everyMs: number): AsyncGenerator<LoginPoll> {
  for await (const poll of pulsing(polls, everyMs)) {
    yield poll === PULSE ? { state: 'pending', interval: Math.ceil(everyMs / 1000) } : poll;
  }
}
