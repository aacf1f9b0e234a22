import type { ErrorCode } from '../core/errors.ts';
import type { ForwardProxy } from '../core/proxy.ts';

/** One remote procedure of Flower's Control API: its name on both transports follows from `name`. */
export interface FlowerRpc<Request, Response> {
  /** As in the service, e.g. "StartRun". */
  readonly name: string;
  encode(request: Request): Uint8Array;
  decode(bytes: Uint8Array): Response;
}

/** Flower's two tokens for one login (flower/facts section 2). */
export interface FlowerTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Where tokens come from and where renewed ones go; without it calls go out without any. */
export interface FlowerTokenStore {
  tokens(): Promise<FlowerTokens | undefined>;
  /** A pair that the server handed out on the way: stored before the call returns. */
  renewed(tokens: FlowerTokens, old: FlowerTokens): Promise<void>;
}

/** How to reach a SuperLink. */
export interface FlowerEndpoint {
  /** `host:port`. */
  readonly address: string;
  /** PEM of the certificates to trust instead of the system's. */
  readonly rootCertificates: Uint8Array | undefined;
  readonly insecure: boolean;
  /** Between here and the SuperLink; never for an engine, as whoever reaches it rules it. */
  readonly proxy?: ForwardProxy | undefined;
}

/** Why a call failed, the same for both transports. */
export type FlowerFailureKind =
  /** No connection: nothing was sent. */
  | 'unreachable'
  /** The connection broke or time ran out: it may have acted. */
  | 'unavailable'
  /** It answered with an error. */
  | 'refused'
  /** It answered something that no SuperLink answers. */
  | 'invalid'
  /** We gave up. */
  | 'cancelled';

/** A failed call. `code` as gRPC names it, also over HTTP; `flowerCode` where the server gave one (flower/facts section 7). */
export interface FlowerFailure extends Error {
  readonly name: 'FlowerFailure';
  readonly kind: FlowerFailureKind;
  readonly code: ErrorCode | undefined;
  readonly flowerCode: number | undefined;
  /** The server's own public sentence, control characters removed; "" where it gave none. */
  readonly text: string;
}

/** A SuperLink's Control API, whatever carries it: gRPC up to 1.36, HTTP from 1.37 on (flower/facts sections 0 and 7). */
export interface FlowerControl {
  readonly transport: 'grpc' | 'http';
  /** @throws FlowerFailure */
  call<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Response>;
  /** Ends cleanly only where the server said that this is all. @throws FlowerFailure */
  stream<Request, Response>(
    rpc: FlowerRpc<Request, Response>,
    request: Request,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<Response>;
  /** Connections lost so far: what was learned of the release before one of them may be wrong after. */
  losses(): number;
  close(): void;
}
