import { connect, type TLSSocket } from 'node:tls';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME = { headers: 1, reset: 3, settings: 4 } as const;
const END_HEADERS = 4;
const CANCEL = 8;

/** One HTTP/2 frame (RFC 9113, 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK: indexed POST and https, then literals without indexing (RFC 7541, 6.2.2). */
function headerBlock(path: string): Buffer {
  const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x87, 0x04]),
    literal(path),
    Buffer.from([0x0f, 0x10]),
    literal('application/grpc'),
  ]);
}

/** A call that is opened and cancelled at once. */
export function resetCall(stream: number, path: string): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(CANCEL);
  return Buffer.concat([
    frame(FRAME.headers, END_HEADERS, stream, headerBlock(path)),
    frame(FRAME.reset, 0, stream, code),
  ]);
}

/** A TLS connection on which the HTTP/2 preface has been sent; frames are the test's own. */
export function rawHttp2(port: number, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca, ALPNProtocols: ['h2'] });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0, Buffer.alloc(0))]));
      resolve(socket);
    });
  });
}
