import type { ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js';

/** What collects a call's messages inside grpc-js 1.14. */
interface Collector {
  readonly decoder?: { maxReadMessageLength: number };
  maxReceiveMessageSize?: number;
}

/**
 * Bounds the messages of each path by itself (security.md T-31). grpc-js knows one bound for all methods and collects a
 * message before anybody sees its call, so that strangers could fill the memory with uploads to any small method.
 * The fields are no public API: should they move, the test of T-31 tells.
 */
export function boundMessages(maxBytesOf: (path: string) => number): ServerInterceptor {
  return ({ path }, call) => {
    const collector = call as unknown as Collector;
    const bound = maxBytesOf(path);
    // Packed, and once more unpacked.
    if (collector.decoder) collector.decoder.maxReadMessageLength = bound;
    collector.maxReceiveMessageSize = bound;
    // Nothing is intercepted: the call itself, without a layer around each of its messages.
    return call as unknown as ServerInterceptingCall;
  };
}
