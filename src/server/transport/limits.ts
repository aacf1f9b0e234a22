import type { Metadata, ServerOptions } from '@grpc/grpc-js';
import type { ServerConfig } from '../config/types.ts';

const MiB = 1024 ** 2;

/** What grpc-js itself enforces (security.md T-28, T-29, T-31); its own defaults leave all of it open. */
export function grpcServerOptions(limits: ServerConfig['limits']): ServerOptions {
  return {
    'grpc.max_concurrent_streams': limits.concurrentStreams,
    'grpc.max_receive_message_length': limits.upload,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': limits.keepalive,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeout,
    'grpc.max_connection_idle_ms': limits.idle,
    'grpc.max_connection_age_ms': limits.age,
    'grpc.max_connection_age_grace_ms': limits.ageGrace,
    'grpc.enable_channelz': 0,
    'grpc-node.max_session_memory': Math.ceil(limits.sessionMemory / MiB),
  };
}

/** Size of a call's metadata as HTTP/2 counts it: names, values and 32 bytes for each field (RFC 9113, 6.5.2). */
export function metadataBytes(metadata: Metadata): number {
  let sum = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) {
      sum +=
        name.length + 32 + (typeof value === 'string' ? Buffer.byteLength(value) : Math.ceil(value.length / 3) * 4);
    }
  }
  return sum;
}

/** Gives a slot back; further calls do nothing. */
export type Release = () => void;

/** So many at a time, for each key and in all. */
export interface Slots {
  /** A slot, or which bound is reached. */
  take(key: string): Release | 'key' | 'total';
  readonly taken: number;
}

export function createSlots({ perKey, total }: { perKey: number; total: number }): Slots {
  const counts = new Map<string, number>();
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    take(key) {
      const count = counts.get(key) ?? 0;
      if (taken >= total) return 'total';
      if (count >= perKey) return 'key';
      counts.set(key, count + 1);
      taken += 1;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        taken -= 1;
        const left = (counts.get(key) ?? 1) - 1;
        if (left > 0) counts.set(key, left);
        else counts.delete(key);
      };
    },
  };
}
