import { Socket } from 'node:net';

const BUFFER_BYTES = 64 * 1024;

/**
 * The same connection, read into one buffer that is wiped after every read. Node otherwise reads into memory that it keeps
 * to itself and never wipes; `onread` is documented for sockets that connect, so an accepted one is opened anew by its
 * handle. Where there is none any more, the connection stays as it is.
 */
export function readWiped(accepted: Socket, onData: (chunk: Buffer) => void): Socket {
  const inner = accepted as unknown as { _handle: unknown };
  const { _handle: handle } = inner;
  if (typeof handle !== 'object' || handle === null) return accepted.on('data', onData).resume();
  inner._handle = null;
  const buffer = Buffer.from(new ArrayBuffer(BUFFER_BYTES));
  const callback = (size: number) => {
    onData(buffer.subarray(0, size));
    buffer.fill(0, 0, size);
    return true;
  };
  return new Socket({ handle, onread: { buffer, callback } } as ConstructorParameters<typeof Socket>[0]);
}
