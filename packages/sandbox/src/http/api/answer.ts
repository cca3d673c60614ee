import { SIGNATURE_HEADER, signBytes, type SigningKey } from '@hongbao/core/internal'

export interface Answer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface WrittenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer<ArrayBuffer>
}

/**
 * Writes an answer as Ping++ does: JSON indented by four spaces, Chinese as it is, signed over
 * exactly these bytes, errors too (captures of December 2016).
 *
 * `Connection: close`, because from Node 19 on the official Node SDK hangs on a reused connection:
 * it writes the request when the socket connects.
 */
export function writeAnswer(answer: Answer, requestId: string, key: SigningKey): WrittenAnswer {
  const bytes = Buffer.from(JSON.stringify(answer.body, undefined, 4))
  const headers = {
    'content-type': 'application/json;charset=utf-8',
    'content-length': String(bytes.byteLength),
    'cache-control': 'no-cache, no-store',
    connection: 'close',
    'x-request-id': requestId,
    [SIGNATURE_HEADER]: signBytes(bytes, key.privateKey),
    ...answer.headers,
  }
  return { status: answer.status, headers, bytes }
}
