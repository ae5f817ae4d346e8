import { Busboy } from '@fastify/busboy';
import { SconceError } from '../errors.js';
import type { RequestParameter } from '../handlers/handler.js';

const mostParts = 10_000;

/** True for bodies that hold named parameters. */
export function isForm(contentType: string | undefined): boolean {
  return (
    contentType !== undefined &&
    (contentType.startsWith('multipart/') ||
      contentType.startsWith('application/x-www-form-urlencoded'))
  );
}

/**
 * The parts of a multipart body or the fields of a form. A file's part keeps its type, a plain
 * field has none.
 *
 * @throws {SconceError} INVALID_REQUEST for a body that is not what its type says.
 */
export function readForm(contentType: string, body: Uint8Array): Promise<RequestParameter[]> {
  return new Promise((resolve, reject) => {
    const parameters: RequestParameter[] = [];
    const fail = (why: string): void => {
      reject(new SconceError('INVALID_REQUEST', `the body is not ${contentType}: ${why}`));
    };
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType },
        limits: { fieldSize: body.byteLength, fileSize: body.byteLength, parts: mostParts },
      });
      parser.on('field', (name, value) => {
        parameters.push({ name, value: Buffer.from(value), contentType: undefined });
      });
      parser.on('file', (name, stream, _filename, _encoding, type) => {
        const parameter: RequestParameter = { name, value: Buffer.alloc(0), contentType: type };
        parameters.push(parameter);
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          parameter.value = Buffer.concat(chunks);
        });
        stream.on('error', (error) => fail(error.message));
      });
      parser.on('partsLimit', () => fail(`it has more than ${mostParts} parts`));
      parser.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
      parser.on('finish', () => resolve(parameters));
      parser.end(body);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  });
}
